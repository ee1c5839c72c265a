"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Corpus = Annotated[
    str,
    typer.Argument(
        metavar="CORPUS", help="mini, parrot-v1, a file, a folder or a hub dataset (OWNER/NAME)."
    ),
]
ModelSpec = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="baseline:NAME, or hf:NAME[@REVISION] (hub name or folder)."
    ),
]
Data = Annotated[
    str,
    typer.Option("--data", "-d", help="mini, parrot-v1, a file, a folder or a hub dataset."),
]
TasksDir = Annotated[
    Path | None, typer.Option(help="Folder with task files of your own.", show_default=False)
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")]
RawView = Annotated[bool, typer.Option("--raw", help="Apply no errata.")]
Without = Annotated[
    str, typer.Option(help="Errata to switch off, such as E03,E07.", show_default=False)
]
Method = Annotated[
    str | None,
    typer.Option(help="How a Hugging Face model answers: embed or choose.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def examples(*lines: str) -> str:
    """Epilog with examples to paste, one a line and never wrapped."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])

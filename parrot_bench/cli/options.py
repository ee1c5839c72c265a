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
        "--model", "-m", help="baseline:NAME, hf:NAME[@REVISION] (hub or folder), openai:NAME@URL."
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
    typer.Option(
        help="classify, entail, choose, generate, embed or probe; its config says if not given.",
        show_default=False,
    ),
]
AllowRemote = Annotated[
    bool, typer.Option("--allow-remote", help="Let report text go to another machine.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def examples(*lines: str) -> str:
    """Epilog with examples to paste, one a line and never wrapped."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])

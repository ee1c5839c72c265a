"""A plain question before report text leaves the machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from parrot_bench.errors import ParrotError

if TYPE_CHECKING:
    from parrot_bench.corpus import Corpus
    from parrot_bench.models.base import Model


def ask_before_sending(model: Model, corpus: Corpus, *, allowed: bool) -> None:
    """Ask whether report text may go to another machine, where it would.

    Nothing is asked of a model on this machine, of a public corpus, or where it was allowed.

    Raises:
        ParrotError: If it may not, or nobody can be asked.
    """
    if allowed or corpus.public or not getattr(model, "remote", False):
        return
    where = model.info.settings.get("base_url", model.info.name)
    if not sys.stdin.isatty():
        raise ParrotError(
            f"The text of {corpus.name} would leave this machine for {where}; give --allow-remote "
            "if it may."
        )
    if not typer.confirm(
        f"The text of {len(corpus)} reports of {corpus.name} would leave this machine for {where}. "
        "Send it?",
        err=True,
    ):
        raise ParrotError("Nothing was sent.")

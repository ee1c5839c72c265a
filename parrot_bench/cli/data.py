"""`parrot-bench data`: fetch, check and describe corpora."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from parrot_bench.cli.options import Corpus, Json, RawView, Strict, Without, examples
from parrot_bench.cli.output import ProgressBar, print_json, print_table, say_findings, split
from parrot_bench.errors import ParrotError

app = typer.Typer(
    help="Fetch, check and describe corpora.",
    no_args_is_help=True,
    epilog=examples(
        "parrot-bench data check reports.jsonl",
        "parrot-bench data describe mini",
        "parrot-bench data fetch --accept-licence",
    ),
)


@app.command(
    "check",
    epilog=examples(
        "parrot-bench data check reports.jsonl",
        "parrot-bench data check reports.csv --json",
        "parrot-bench data check mini --raw",
        "parrot-bench data check parrot-v1 --without E03,E07",
    ),
)
def data_check(
    corpus: Corpus,
    as_json: Json = False,
    raw: RawView = False,
    without: Without = "",
    strict: Strict = False,
) -> None:
    """Check a corpus: counts, findings with row numbers, errata, suspicious texts."""
    from parrot_bench.corpus import load_corpus
    from parrot_bench.corpus.quality import check_corpus, check_lines

    loaded = load_corpus(
        corpus, view="raw" if raw else "clean", without=split(without), strict=strict
    )
    with ProgressBar() as progress:
        checked = check_corpus(loaded, progress)
    if as_json:
        print_json(checked.as_json())
    else:
        for line in check_lines(checked):
            typer.echo(line)


@app.command(
    "describe",
    epilog=examples(
        "parrot-bench data describe mini",
        "parrot-bench data describe parrot-v1 --raw",
        "parrot-bench data describe reports.csv --without E08",
    ),
)
def data_describe(
    corpus: Corpus,
    raw: RawView = False,
    without: Without = "",
) -> None:
    """Print the tables that a paper would: languages, modalities, regions, codes, lengths."""
    from parrot_bench.corpus import load_corpus
    from parrot_bench.exploring.description import describe

    loaded = load_corpus(corpus, view="raw" if raw else "clean", without=split(without))
    say_findings(loaded.findings, corpus)
    for title, columns, rows in describe(loaded):
        print_table(title, columns, rows)


@app.command(
    "errata", epilog=examples("parrot-bench data errata", "parrot-bench data errata --json")
)
def data_errata(as_json: Json = False) -> None:
    """List the known defects of PARROT v1.0 and what the clean view does about them."""
    from dataclasses import asdict

    from parrot_bench.corpus.errata import errata

    if as_json:
        print_json([asdict(each) for each in errata().values()])
        return
    for each in errata().values():
        rows = f" ({each.published_rows} published rows)" if each.published_rows else ""
        typer.echo(
            f"{each.id}  {each.what}{rows}\n     rule: {each.rule}\n     does: {each.effect}"
        )


@app.command(
    "fetch",
    epilog=examples("parrot-bench data fetch", "parrot-bench data fetch --accept-licence"),
)
def data_fetch(
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept CC BY-NC-SA 4.0, shown the first time."),
    ] = False,
) -> None:
    """Download PARROT v1.0 at its pinned commit into the user's cache."""
    from parrot_bench.corpus.download import LICENCE_NOTICE, fetch, licence_accepted

    if not licence_accepted():
        typer.echo(LICENCE_NOTICE)
        if not accept_licence and not sys.stdin.isatty():
            raise ParrotError("Give --accept-licence to say that you accept PARROT's licence.")
        if not accept_licence:
            typer.confirm("Do you accept?", abort=True)
    with ProgressBar() as progress:
        path, warnings = fetch(progress)
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)
    typer.echo(f"PARROT v1.0 is in {path}; use it as --data parrot-v1.")

"""The command line: thin, no logic, and nothing heavy imported before a command needs it."""

from parrot_bench.cli.app import app, main

__all__ = ["app", "main"]

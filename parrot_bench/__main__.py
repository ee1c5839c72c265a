"""`python -m parrot_bench`."""

from parrot_bench.cli import main

main()

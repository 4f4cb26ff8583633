"""`python -m headrace.cli` is `headrace`."""

from headrace.cli.app import main

main()

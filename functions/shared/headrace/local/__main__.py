"""`python -m headrace.local` is `headrace`."""

from headrace.local.cli import main

main()

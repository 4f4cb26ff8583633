"""What the stages need from the outside world, as small Protocols in the domain's words.

Every adapter of a port passes that port's suite in `tests/contract/`.
"""

"""The embedded runtime and the command line: the same handlers, events and answers as in a cloud, on one machine."""

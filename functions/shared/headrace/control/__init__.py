"""Operations on accounts, projects, keys, pipelines and sinks: the only writer of configuration.

The command line and the management API are two doors to it.
"""

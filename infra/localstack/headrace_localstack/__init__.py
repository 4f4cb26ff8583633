"""LocalStack on the host, without Docker: see README.md beside this package."""

"""Spans as rows of PostgreSQL or TimescaleDB, for teams that want to ask SQL."""

from headrace.adapters.span_archive_postgres.archive import PostgresSpanArchive
from headrace.adapters.span_archive_postgres.schema import migrate

__all__ = ["PostgresSpanArchive", "migrate"]

"""The versions of the database's schema: what `headrace migrate` runs, and SQLite by itself when it is opened.

To add one: write a function that takes a connection and issues the statements, append a `Migration` with the next
number to MIGRATIONS, and name the engines that it is for if it is not for all. It runs once in a database, in one
transaction with the note of it in `headrace_migrations`. Never change one that was released, and write only what an
older program can live with: during a rolling update both versions run on the new schema.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from headrace.adapters.table_sql.schema import LOGICAL_TABLES, table_of

NOTES = sa.Table(
    "headrace_migrations",
    sa.MetaData(),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("applied_unix_s", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version of the schema to the next."""

    version: int
    name: str
    apply: Callable[[sa.Connection], None]
    engines: frozenset[str] = frozenset({"sqlite", "postgresql"})


def _items(connection: sa.Connection) -> None:
    """The two logical tables. They may exist: before there were versions, SQLite files had them."""
    for name in LOGICAL_TABLES:
        table_of(name).metadata.create_all(connection, checkfirst=True)


MIGRATIONS = (Migration(1, "items", _items),)


def pending(connection: sa.Connection) -> list[Migration]:
    """The migrations that this database lacks. One from a later version of the program does no harm."""
    wanted = [each for each in MIGRATIONS if connection.dialect.name in each.engines]
    if not sa.inspect(connection).has_table(NOTES.name):
        return wanted
    done = set(connection.execute(sa.select(NOTES.c.version)).scalars())
    return [each for each in wanted if each.version not in done]


def apply(connection: sa.Connection) -> list[Migration]:
    """Run what is lacking, in a transaction that keeps others from doing the same; what was run."""
    NOTES.metadata.create_all(connection, checkfirst=True)
    lacking = pending(connection)
    for each in lacking:
        each.apply(connection)
        values = {"version": each.version, "name": each.name, "applied_unix_s": int(time.time())}
        connection.execute(NOTES.insert(), values)
    return lacking

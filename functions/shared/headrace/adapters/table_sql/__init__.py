"""The Table port on SQL, through SQLAlchemy Core: SQLite on one machine, PostgreSQL beyond it.

`table` walks from the port to statements; `schema` holds the SQL table and its statements, `engine` the
connections, transactions and foreign errors, `dialect` all in which the two engines differ, `codec` items as
rows, `migrations` the versions of the schema. What the port promises for any engine is in `ports/table_rules` and
`ports/table_ranges`.
"""

from headrace.adapters.table_sql.table import SqlTable, check_schema, migrate

__all__ = ["SqlTable", "check_schema", "migrate"]

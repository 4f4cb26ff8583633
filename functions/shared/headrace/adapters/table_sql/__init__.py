"""The Table port on SQL, through SQLAlchemy Core: SQLite on one machine, PostgreSQL beyond it.

`table` walks from the port to statements; `schema` holds the SQL table and its statements, `engine` the
connections, transactions and foreign errors, `dialect` all in which the two engines differ, `codec` items as
rows. What the port promises for any engine is in `ports/table_rules` and `ports/table_ranges`.
"""

from headrace.adapters.table_sql.table import SqlTable

__all__ = ["SqlTable"]

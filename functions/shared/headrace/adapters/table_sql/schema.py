"""The SQL table behind one logical table, and its statements: made once, so that a call only binds values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from headrace.adapters.table_sql.dialect import Dialect

LOGICAL_TABLES = ("config", "telemetry")

# DynamoDB compares keys by their bytes: so does SQLite unasked, and PostgreSQL under the collation "C".
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


@dataclass(frozen=True, slots=True)
class PageShape:
    """What distinguishes the statements of two queries, beside the values in them."""

    index: bool
    descending: bool
    resumed: bool
    has_high: bool
    high_included: bool


def table_of(name: str) -> sa.Table:
    """The SQL table for the logical table `name`, with its indexes."""
    table = sa.Table(
        f"headrace_{name}",
        sa.MetaData(),
        sa.Column("pk", _KEY, primary_key=True),
        sa.Column("sk", _KEY, primary_key=True),
        sa.Column("gsi_pk", _KEY),
        sa.Column("gsi_sk", _KEY),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("doc", sa.Text, nullable=False),
    )
    columns = table.c
    _add_index(f"{table.name}_gsi", columns.gsi_pk, columns.gsi_sk, columns.pk, columns.sk)
    _add_index(f"{table.name}_expiry", columns.expires_at)
    return table


def _add_index(name: str, first: sa.Column[Any], *others: sa.Column[Any]) -> None:
    """Most items have no index keys or no expiry: they take no room in these indexes."""
    present = first.is_not(None)
    sa.Index(name, first, *others, sqlite_where=present, postgresql_where=present)


class Statements:
    """All statements on one table. Parameters are named as the columns, unless a docstring says more."""

    def __init__(self, table: sa.Table, dialect: Dialect) -> None:
        columns = table.c
        self.table = table
        self._pages: dict[PageShape, sa.Select[Any]] = {}
        is_it = sa.and_(columns.pk == sa.bindparam("pk"), columns.sk == sa.bindparam("sk"))
        is_row = sa.and_(columns.pk == sa.bindparam("of_pk"), columns.sk == sa.bindparam("of_sk"))
        # SQLite finds no index for pairs, but for each half; the pairs then drop what was not asked for.
        among = sa.and_(
            columns.pk.in_(sa.bindparam("pks", expanding=True)),
            columns.sk.in_(sa.bindparam("sks", expanding=True)),
            sa.tuple_(columns.pk, columns.sk).in_(sa.bindparam("keys", expanding=True)),
        )
        self.one = sa.select(table).where(is_it)
        self.some = sa.select(table).where(among)
        """`keys` is a list of pairs, `pks` and `sks` are its two halves: see `among_keys`."""
        self.one_locked = self.one.with_for_update()
        # All transactions lock in the same order, so that none waits for another in a circle.
        self.some_locked = self.some.order_by(columns.pk, columns.sk).with_for_update()
        self.insert = table.insert()
        self.upsert = dialect.upsert(table)
        changed: dict[str, Any] = {
            column.name: sa.bindparam(column.name) for column in columns if not column.primary_key
        }
        self.update = table.update().where(is_row).values(changed)
        """The row is named by `of_pk` and `of_sk`."""
        self.delete = table.delete().where(is_it)
        self.purge = self._purge()
        """`now` in seconds, `chunk` in rows."""
        self.ping = sa.select(columns.pk).limit(1)

    def page(self, shape: PageShape) -> sa.Select[Any]:
        """At most `rows` rows of the partition `of` in order, from `low` to `high`, that live on after `now`.

        When resumed, those behind `after_sort`, and on an index `after_pk` and `after_sk`.
        """
        if shape not in self._pages:
            self._pages[shape] = self._page(shape)
        return self._pages[shape]

    def _page(self, shape: PageShape) -> sa.Select[Any]:
        columns = self.table.c
        partition, sort = (columns.gsi_pk, columns.gsi_sk) if shape.index else (columns.pk, columns.sk)
        order = (sort, columns.pk, columns.sk) if shape.index else (sort,)
        wanted = [partition == sa.bindparam("of"), sort >= sa.bindparam("low")]
        if shape.has_high:
            high: sa.BindParameter[str] = sa.bindparam("high")
            wanted.append(sort <= high if shape.high_included else sort < high)
        if shape.resumed:
            reached = sa.tuple_(*map(sa.bindparam, ("after_sort", "after_pk", "after_sk")[: len(order)]))
            place = sa.tuple_(*order)
            wanted.append(place < reached if shape.descending else place > reached)
        alive = sa.or_(columns.expires_at.is_(None), columns.expires_at > sa.bindparam("now"))
        ordered = [column.desc() if shape.descending else column.asc() for column in order]
        return sa.select(self.table).where(*wanted, alive).order_by(*ordered).limit(sa.bindparam("rows"))

    def _purge(self) -> sa.Delete:
        columns = self.table.c
        expired = columns.expires_at <= sa.bindparam("now")
        chosen = sa.select(columns.pk, columns.sk).where(expired).order_by(columns.expires_at)
        chunk = chosen.limit(sa.bindparam("chunk"))
        # Said twice: on PostgreSQL an item may get a new expiry between being chosen and being removed.
        return self.table.delete().where(sa.tuple_(columns.pk, columns.sk).in_(chunk), expired)


def among_keys(keys: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of `some` and `some_locked` for at least one key."""
    return {"keys": list(keys), "pks": list({pk for pk, _ in keys}), "sks": list({sk for _, sk in keys})}

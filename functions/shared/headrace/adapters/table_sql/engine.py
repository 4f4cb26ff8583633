"""One database, as all tables of a process share it: transactions, and foreign errors translated."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from headrace.adapters.table_sql import migrations
from headrace.adapters.table_sql.dialect import dialect_of
from headrace.adapters.table_sql.migrations import Migration
from headrace.errors import ConfigError, Unavailable

T = TypeVar("T")

_ATTEMPTS = 20  # a race to insert is lost once per writer at most, and each loser then finds the row


class Database:
    """An engine and how to use it. Made in the process that uses it: connections do not survive a fork."""

    def __init__(self, url: sa.URL, lock_timeout: timedelta) -> None:
        self.dialect = dialect_of(url, lock_timeout)
        self._checked = False
        self._checking = threading.Lock()
        try:
            self._engine = self.dialect.engine(url)
        except ModuleNotFoundError as error:
            raise ConfigError(f"{url.get_backend_name()} needs the package {error.name}") from error

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns; it runs one statement, which is a transaction of its own.

        Raises:
            Unavailable: the engine does not answer.
        """
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except (SQLAlchemyError, self._foreign_error()) as error:
            raise self._unavailable(error) from error

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns, once what it did is durable: all of it, or none if it raises.

        `work` runs again when another writer came between, so it must have no effect but its statements.

        Raises:
            Unavailable: the engine does not answer, or others have kept the rows for too long.
        """
        attempt = 1
        while True:
            try:
                with self.dialect.turn(), self._engine.connect() as connection:
                    return self._transaction(connection, work)
            except (SQLAlchemyError, self._foreign_error()) as error:
                if attempt == _ATTEMPTS or self._code(error) not in self.dialect.races:
                    raise self._unavailable(error) from error
            attempt += 1

    def write_one(self, statement: sa.Executable, values: dict[str, object]) -> int:
        """The rows that a single statement changed; it is its own transaction, durable on return.

        Raises:
            Unavailable: as for `write`.
        """
        with self.dialect.turn():
            return self.read(lambda connection: connection.execute(statement, values).rowcount)

    def ready(self) -> None:
        """Return when the schema is the one that this program needs. Engines that belong to us alone get it now.

        Raises:
            ConfigError: somebody has to run `headrace migrate`.
            Unavailable: as for `write`.
        """
        with self._checking:
            if self._checked:
                return
            # Looking first lets a process start beside a long write, and on a disk that is full.
            lacking = self.read(migrations.pending)
            if lacking and not self.dialect.migrates_itself:
                names = ", ".join(f"{each.version} ({each.name})" for each in lacking)
                raise ConfigError(f"the database lacks migrations {names}: run `headrace migrate`")
            if lacking:
                self.migrate()
            self._checked = True

    def migrate(self) -> list[Migration]:
        """Bring the schema to what this program needs; any number of processes may do so at once.

        Raises:
            Unavailable: as for `write`.
        """

        def work(connection: sa.Connection) -> list[Migration]:
            self.dialect.before_migration(connection)
            return migrations.apply(connection)

        return self.write(work)

    def dispose(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _transaction(self, connection: sa.Connection, work: Callable[[sa.Connection], T]) -> T:
        """Without COMMIT the pool rolls back, and it knows the cases where the engine has done so already."""
        connection.exec_driver_sql(self.dialect.begin)
        result = work(connection)
        connection.exec_driver_sql("COMMIT")
        return result

    def _foreign_error(self) -> type[Exception]:
        """What the driver raises outside of SQLAlchemy's reach, while a connection is prepared."""
        return self._engine.dialect.loaded_dbapi.Error

    def _code(self, error: Exception) -> str:
        origin = error.orig if isinstance(error, DBAPIError) else error
        return self.dialect.code(origin or error)

    def _unavailable(self, error: Exception) -> Unavailable:
        """The message names no path and no host: it may reach a stranger. The cause does."""
        code = self._code(error)
        told = self.dialect.reason(code) or self.dialect.told(error)
        reason = told or f"it cannot be reached ({code or type(error).__name__})"
        return Unavailable(f"the table store is unavailable: {reason}")


_databases: dict[tuple[str, timedelta], Database] = {}
_users: dict[tuple[str, timedelta], int] = {}
_guard = threading.Lock()


def parse_url(url: str) -> sa.URL:
    """`url` as SQLAlchemy reads it; `postgresql://` and `sqlite:///path`.

    Raises:
        ConfigError: it is no such URL.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise ConfigError("the store's URL is neither sqlite:///path nor postgresql://…") from None
    dialect_of(parsed, timedelta())
    return parsed


def acquire(url: sa.URL, lock_timeout: timedelta) -> Database:
    """The process's one database for `url`; every call is matched by one to `release`.

    Raises:
        ConfigError: its driver is not installed.
    """
    key = (url.render_as_string(hide_password=False), lock_timeout)
    with _guard:
        if key not in _databases:
            _databases[key] = Database(url, lock_timeout)
        _users[key] = _users.get(key, 0) + 1
        return _databases[key]


def release(url: sa.URL, lock_timeout: timedelta) -> None:
    """Close the connections to `url` when nobody uses them any more."""
    key = (url.render_as_string(hide_password=False), lock_timeout)
    with _guard:
        _users[key] -= 1
        if _users[key]:
            return
        del _users[key]
        _databases.pop(key).dispose()

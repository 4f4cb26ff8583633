"""Every SpanArchive keeps the contract in `span_archive_suite`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from headrace.adapters.span_archive_postgres import PostgresSpanArchive, migrate
from headrace.errors import Unavailable
from tests.contract.span_archive_suite import SPAN, SpanArchiveContract
from tests.fakes.span_archive import FakeSpanArchive

Kept = Callable[[str], list[str]]


class TestFakeSpanArchive(SpanArchiveContract):
    @pytest.fixture
    def archive(self) -> FakeSpanArchive:
        return FakeSpanArchive()

    @pytest.fixture
    def kept(self, archive: FakeSpanArchive) -> Kept:
        return lambda project_id: [span["name"] for span in archive.spans(project_id)]

    def test_its_outage_reaches_every_call_until_it_ends(self, archive: FakeSpanArchive) -> None:
        archive.outage = Unavailable("down")
        for call in (lambda: archive.store("p", [SPAN]), lambda: archive.erase("p")):
            with pytest.raises(Unavailable):
                call()
        archive.outage = None
        archive.erase("p")


@pytest.mark.connected
class TestPostgresSpanArchive(SpanArchiveContract):
    @pytest.fixture
    def archive(self, postgres_url: str) -> Iterator[PostgresSpanArchive]:
        archive = PostgresSpanArchive(postgres_url)
        yield archive
        archive.close()

    @pytest.fixture
    def kept(self, postgres_url: str) -> Kept:
        def names(project_id: str) -> list[str]:
            migrate(postgres_url)  # what stored nothing has made no table
            with psycopg.connect(postgres_url) as connection:
                asked = "SELECT name FROM headrace_spans WHERE project_id = %s ORDER BY started_at, name"
                return [name for (name,) in connection.execute(asked, [project_id])]

        return names

    def test_each_day_has_a_partition_and_far_days_have_one_together(
        self, archive: PostgresSpanArchive, postgres_url: str
    ) -> None:
        today = datetime.now(UTC)
        for number, age in enumerate((timedelta(0), timedelta(days=1), timedelta(days=9000), timedelta(days=-9000))):
            at = round((today - age).timestamp()) * 10**9
            archive.store("p", [{**SPAN, "span_id": f"{number:016x}", "started_unix_nano": at}])
        with psycopg.connect(postgres_url) as connection:
            found = connection.execute("SELECT tableoid::regclass::text, count(*) FROM headrace_spans GROUP BY 1")
            counts = dict(found.fetchall())
        yesterday = today - timedelta(days=1)
        assert counts == {
            f"headrace_spans_{today:%Y%m%d}": 1,
            f"headrace_spans_{yesterday:%Y%m%d}": 1,
            "headrace_spans_other": 2,
        }

    def test_the_columns_can_be_asked(self, archive: PostgresSpanArchive, postgres_url: str) -> None:
        archive.store("p", [SPAN])
        with psycopg.connect(postgres_url) as connection:
            row = connection.execute(
                "SELECT agent, error_type, duration_ms, input_tokens, cost_usd, model, attributes->'nested'->'deep'->0,"
                " parent_span_id FROM headrace_spans"
            ).fetchone()
        assert row == ("planner", "timeout", 5.0, 7, 0.25, None, 1, None)

    def test_many_starters_and_writers_at_once_make_one_table(self, postgres_url: str, kept: Kept) -> None:
        archives = [PostgresSpanArchive(postgres_url) for _ in range(4)]

        def store(number: int) -> None:
            archives[number % 4].store("p", [{**SPAN, "span_id": f"{number:016x}", "name": f"{number:02}"}])

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(store, range(16)))
        for archive in archives:
            archive.close()
        assert kept("p") == [f"{number:02}" for number in range(16)]

    def test_migrating_says_what_it_did_once(self, archive: PostgresSpanArchive) -> None:
        assert archive.migrate() == ["spans, partitioned by day"]
        assert archive.migrate() == []


def test_a_database_that_is_down_is_unavailable_and_its_host_is_not_told() -> None:
    archive = PostgresSpanArchive("postgresql://headrace:secret@127.0.0.1:1/none")
    for call in (lambda: archive.store("p", [SPAN]), lambda: archive.erase("p"), archive.migrate):
        with pytest.raises(Unavailable) as told:
            call()
        assert "127.0.0.1" not in str(told.value)
        assert "secret" not in str(told.value)
    archive.close()

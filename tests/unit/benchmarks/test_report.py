"""The report: what got worse is named by ratio, whatever the machine."""

import json

import pytest

from tests.benchmarks import report


@pytest.mark.parametrize(
    ("words", "now", "before", "machine", "worse"),
    [
        ("receive: records/s", 50, 100, 1.0, 2.0),
        ("receive: records/s", 50, 100, 2.0, 1.0),
        ("receive: records/s", 200, 100, 1.0, 0.5),
        ("import: ms", 200, 100, 1.0, 2.0),
        ("import: ms", 200, 100, 2.0, 1.0),
        ("traces: stored bytes a span", 200, 100, 2.0, 2.0),
        ("receive: times the library way (at least 5)", 4, 8, 2.0, 2.0),
        ("pipeline: times the time of orjson.loads alone", 6, 3, 2.0, 2.0),
        ("cost: US$", 0, 1, 1.0, 1.0),
    ],
)
def test_worse_is_told_from_a_slower_machine(words, now, before, machine, worse):
    assert report.worsening(words, now, before, machine) == pytest.approx(worse)


def test_what_got_worse_by_a_third_is_named_the_worst_first():
    figures, last = {"a/s": 50, "b/s": 10, "c/s": 80, "new/s": 1}, {"a/s": 100, "b/s": 100, "c/s": 100, "gone/s": 1}
    assert report.slower(figures, 1.0, last, 1.0) == ["b/s: 10.00 times worse", "a/s: 2.00 times worse"]


def test_a_report_is_compared_with_the_one_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "REPORT", tmp_path / "REPORT.md")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(report, "calibrate", lambda: 0.001)
    assert report.write({"fast/s": 100.0, "kept/s": 7.0}, {"receiver": ["99 %  decode"]}) == []
    assert report.write({"fast/s": 10.0}, {}) == ["fast/s: 10.00 times worse"]
    assert json.loads((tmp_path / "results.json").read_text())["figures"] == {"fast/s": 10.0, "kept/s": 7.0}
    text = (tmp_path / "REPORT.md").read_text()
    assert "| fast/s | 10 | 100 |" in text
    assert "fast/s: 10.00 times worse" in text

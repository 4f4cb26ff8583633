"""`headrace run` draws what there is, whatever strangers made of it."""

from typing import Any

from rich.console import Console

from headrace.cli.manage.runs import _notes, _tree


def span(number: int, parent: int | None = None, **fields: Any) -> dict[str, Any]:
    made = {
        "span_id": f"{number:016x}", "parent_span_id": "" if parent is None else f"{parent:016x}",
        "name": f"step {number}",
        "kind": "other", "agent": "", "model": "", "input_tokens": None, "output_tokens": None, "error": None,
        "status": "ok", "started_at": "2026-01-15T10:30:00Z", "duration_ms": 10.0,
    }  # fmt: skip
    return made | fields


def run(*spans: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made = {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "status": "completed", "duration_ms": 1500.0,
        "framework": "crewai",
        "error_type": "none", "error_message": "", "messages": [], "failures": [], "oddities": [], "spans": list(spans),
    }  # fmt: skip
    return made | fields


def drawn(*spans: dict[str, Any]) -> list[str]:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(_tree(run(*spans)))
    return captured.get().splitlines()


def test_spans_hang_from_their_parents_with_their_time():
    first, second, third = drawn(
        span(1, duration_ms=2000.0),
        span(2, 1, started_at="2026-01-15T10:30:01Z", duration_ms=1000.0, model="gpt-4o", input_tokens=7),
    )
    assert "completed  1.50 s  crewai" in first
    assert "2.00 s  step 1" in second
    assert "────────────████████████" in third
    assert "[other gpt-4o 7+0 tokens]" in third


def test_cycles_orphans_and_unended_spans_are_all_drawn():
    lines = drawn(span(1, 2), span(2, 1), span(3, 99), span(4, 4), span(5, duration_ms=None))
    assert sorted(line.split("step ")[1][0] for line in lines[1:]) == ["1", "2", "3", "4", "5"]


def test_deep_trees_are_no_matter():
    assert len(drawn(*(span(number, number - 1 if number else None) for number in range(300)))) == 301


def test_what_strangers_wrote_cannot_command_a_terminal_nor_be_markup():
    (_, line) = drawn(span(1, name="\x1b[31mred\x07 [bold]x[/bold]", error={"type": "none", "message": "a\nb"}))
    assert "\x1b[31m" not in line
    assert r"\x1b[31mred\x07 [bold]x[/bold]" in line
    assert r"a\nb" in line


def test_notes_say_what_went_wrong_and_who_spoke_to_whom():
    made = run(
        error_type="timeout",
        error_message="no answer",
        messages=[{"from": "a", "to": "b", "type": "handoff"}],
        failures=[{"mode": "loop", "confidence": 0.85, "evidence": "four times"}],
        oddities=["two roots"],
    )
    assert _notes(made) == ["timeout: no answer", "a → b  handoff", "loop (85%): four times", "odd: two roots"]
    assert _notes(run()) == []

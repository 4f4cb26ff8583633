"""A program: Headrace with one more row in the table of kinds of queues, on the engines that the environment names.

It prints what becomes of the kind `notes` as one JSON object. Nothing else of Headrace is told about it, so what is
spelled out anywhere but in the table is missing here. Run in a process of its own, since the table is read at import.
"""

import json
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_ROW = 'QueueKind("notes", "notes", subject="memo", max_concurrency=3, counts=True)'


def _add_row() -> None:
    spec = find_spec("headrace.ports.queues")
    assert spec is not None
    assert spec.origin is not None
    before = Path(spec.origin).read_text()
    after = before.replace("KINDS = (RAW, OUTPUT, SPANS)", f"KINDS = (RAW, OUTPUT, SPANS, {_ROW})")
    assert before != after
    module = types.ModuleType(spec.name)
    sys.modules[spec.name] = module
    exec(after, module.__dict__)  # noqa: S102 - our own source


def main() -> dict[str, Any]:
    """Wire, count, redrive and erase."""
    from headrace import bootstrap
    from headrace.api.models import parse_query
    from headrace.ports.bus import Message
    from headrace.teams.operations.projects import create_project, delete_project
    from headrace.upkeep.operations.change import Person
    from headrace.upkeep.operations.dead_letters import redrive
    from headrace.upkeep.operations.status import project_status
    from headrace.upkeep.wire.status_models import DeadLettersIn

    needs, bus = bootstrap.upkeep(), bootstrap.bus()
    kind = needs.queues.kind("notes")
    project_id = create_project("shop", "ada", bootstrap.teams())
    queue = needs.queues.name(kind, project_id)
    wired = {each.queue: each for each in needs.wiring.subscriptions()}

    def status() -> list[int]:
        whole = project_status(project_id, needs)
        return [whole.queues[queue].depth, whole.queues[queue].dead_letters, whole.dead_lettered]

    message = Message("a note", {"project_id": project_id, "records": "5"})
    bus.publish(queue, [message])
    published = status()
    bus.dead_letter(queue, [message], "nobody reads it")
    buried = status()
    redriven = redrive(project_id, kind, None, needs)
    after = status()
    delete_project(Person(project_id, "ada"), bootstrap.teams())
    return {
        "concurrency": wired[queue].max_concurrency,
        "kind": wired[queue].kind,
        "asked_for": parse_query(DeadLettersIn, {"queue": "notes"}).queue,
        "published": published,
        "buried": buried,
        "redriven": redriven,
        "after": after,
        "left": [each.queue for each in needs.wiring.subscriptions() if each.queue.endswith(project_id)],
        "depth_left": bus.stats(queue).depth,
    }


if __name__ == "__main__":
    _add_row()
    print(json.dumps(main()))

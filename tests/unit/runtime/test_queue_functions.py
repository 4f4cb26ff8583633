import json
import os

from headrace.runtime.queue_functions import _Parent


def test_a_line_that_was_written_in_parts_arrives_whole(monkeypatch):
    reader, writer = os.pipe()
    parent, write = _Parent(writer), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1000]))
    parent.tell("event", {"reason": "x" * 3000})
    parent.tell("ready", 1)
    os.close(writer)
    with os.fdopen(reader) as lines:
        assert [json.loads(line) for line in lines] == [{"event": {"reason": "x" * 3000}}, {"ready": 1}]


def test_a_parent_that_is_gone_hears_nothing():
    reader, writer = os.pipe()
    os.close(reader)
    _Parent(writer).tell("ready", 1)
    os.close(writer)

import json

import pytest

from headrace.runtime.probes import Probes


def answer(probes, path, method="GET"):
    found = probes.answer(method, path)
    return found and (found[0], json.loads(found[1])["status"])


def test_ready_is_what_lies_between_starting_and_stopping():
    probes = Probes()
    assert answer(probes, "/readyz") == (503, "starting")
    probes.open()
    assert answer(probes, "/readyz") == (200, "ready")
    probes.close()
    assert answer(probes, "/readyz") == (503, "stopping")
    probes.open()
    assert answer(probes, "/readyz") == (503, "stopping")


def test_a_process_is_alive_whatever_it_is_about_to_do():
    probes = Probes()
    assert answer(probes, "/livez") == (200, "alive")
    probes.close()
    assert answer(probes, "/livez", "HEAD") == (200, "alive")


@pytest.mark.parametrize(("method", "path"), [("POST", "/readyz"), ("GET", "/health"), ("GET", "/readyz/")])
def test_other_requests_are_for_others(method, path):
    assert answer(Probes(), path, method) is None

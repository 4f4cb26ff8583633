"""Models are built at first use: in a fresh process, many threads may be the first."""

import subprocess
import sys

_AT_ONCE = """
import sys, threading
import headrace.management
from headrace.errors import InvalidInput
from headrace.api.models import Deferred, parse

def heirs(model):
    return {model, *(heir for child in model.__subclasses__() for heir in heirs(child))}

def answer(model, together):
    together.wait()
    try:
        answers.add(repr(parse(model, {})))
    except InvalidInput as refusal:
        answers.add(str(refusal))
    except Exception as wrong:
        answers.add(repr(wrong))

sys.setswitchinterval(1e-6)
for model in sorted(heirs(Deferred), key=lambda model: model.__name__):
    together, answers = threading.Barrier(8), set()
    threads = [threading.Thread(target=answer, args=(model, together)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer(model, threading.Barrier(1))
    print(model.__name__, "ok" if len(answers) == 1 else sorted(answers))
"""


def test_the_first_requests_get_the_same_answer_however_many_come_at_once() -> None:
    found = subprocess.run([sys.executable, "-c", _AT_ONCE], capture_output=True, text=True, check=True)
    lines = found.stdout.splitlines()
    assert len(lines) > 60
    assert [line for line in lines if not line.endswith(" ok")] == []

"""What a process that evaluates expressions could tell, if an expression broke out of its engine."""

from pathlib import Path

from headrace.adapters.expressions_jsonata import SandboxedExpressions
from headrace.ports.program import Program


def test_a_worker_has_none_of_our_secrets_in_its_environment(monkeypatch):
    monkeypatch.setenv("HEADRACE_JWT_KEYS", "k1:a secret of this deployment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another one")
    expressions = SandboxedExpressions(max_workers=1)
    try:
        expressions.run(Program("$eval('true')"), [{}])
        (pid,) = expressions.worker_pids
        held = Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        expressions.close()
    assert b"secret" not in held
    assert b"another one" not in held

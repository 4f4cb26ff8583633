"""The inputs that are kept: each is replayed by `test_corpora`, and is where `make fuzz` starts from.

A file more in `tests/corpora/fuzz/TARGET/` is an input more, of any name. `make fuzz` puts what breaks a target into
`tests/corpora/crashes/TARGET/`, where it stays when the fault is mended. The corpora of other tests serve too.
"""

import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

CORPORA = Path(__file__).parents[1] / "corpora"
CRASHES = CORPORA / "crashes"


def entries(target: str) -> Iterator[tuple[str, bytes]]:
    """Names and inputs of a target."""
    for folder in (CORPORA / "fuzz" / target, CRASHES / target):
        for path in sorted(folder.glob("*")):
            yield str(path.relative_to(CORPORA)), path.read_bytes()
    if target in ("otlp_traces", "spans"):
        for path in sorted((CORPORA / "agent_traces").glob("*/*.pb.gz")):
            yield str(path.relative_to(CORPORA)), gzip.decompress(path.read_bytes())
    if target == "urls":
        yield from _urls()


def keep(target: str, crash: bytes) -> Path:
    """Put an input among the crashes of a target; the same one twice is one file."""
    path = CRASHES / target / sha256(crash).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(crash)
    return path


def _urls() -> Iterator[tuple[str, bytes]]:
    hostile = (json.loads(line)["url"] for line in (CORPORA / "hostile_urls.jsonl").read_text().splitlines())
    plain = (CORPORA / "plain_urls.txt").read_text().splitlines()
    for url in (*hostile, *plain):
        yield f"a URL: {url}", url.encode(errors="replace")

"""What every Wiring does, written once. An adapter's test class inherits WiringContract and gives `wiring`.

Queues of projects that never were reconciled are nobody's business here; what `reconcile` does to the messages of a
queue that it removes is the engine's, and tested beside it.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from headrace.ports.wiring import Subscription

RAW = Subscription("gf-ai-raw-1", "raw", timedelta(milliseconds=1500), 4, active=True)
OUTPUT = Subscription("gf-ai-output-1", "output")
OTHER = Subscription("gf-ai-raw-2", "raw", timedelta(0), 1, active=False)


def held(wiring: Any) -> list[Subscription]:
    return sorted(wiring.subscriptions(), key=lambda each: each.queue)


class WiringContract:
    def test_at_first_nothing_is_consumed(self, wiring):
        assert wiring.subscriptions() == []

    def test_what_is_wanted_comes_back_as_it_was_given(self, wiring):
        wiring.reconcile("1", [RAW, OUTPUT])
        assert held(wiring) == [OUTPUT, RAW]

    def test_repeating_changes_nothing(self, wiring):
        for _ in range(3):
            wiring.reconcile("1", [RAW, OUTPUT])
        assert held(wiring) == [OUTPUT, RAW]

    def test_a_paused_queue_stays_and_says_so(self, wiring):
        wiring.reconcile("2", [OTHER])
        assert held(wiring) == [OTHER]
        assert not held(wiring)[0].active

    def test_the_last_wish_counts(self, wiring):
        changed = Subscription(RAW.queue, "raw", timedelta(milliseconds=1), 9, active=False)
        wiring.reconcile("1", [RAW, OUTPUT])
        wiring.reconcile("1", [changed, OUTPUT])
        assert held(wiring) == [OUTPUT, changed]

    def test_what_is_no_longer_wanted_goes(self, wiring):
        wiring.reconcile("1", [RAW, OUTPUT])
        wiring.reconcile("1", [OUTPUT])
        assert held(wiring) == [OUTPUT]

    def test_projects_do_not_touch_each_other(self, wiring):
        wiring.reconcile("1", [RAW])
        wiring.reconcile("2", [OTHER])
        wiring.reconcile("1", [])
        assert held(wiring) == [OTHER]

    def test_reconciling_at_once_ends_in_one_of_the_wishes_and_never_in_a_mixture(self, wiring):
        barrier = threading.Barrier(8)
        wishes = [[RAW], [OUTPUT], [RAW, OUTPUT], []]

        def work(number: int) -> None:
            barrier.wait(10)
            for turn in range(5):
                wiring.reconcile("1", wishes[(number + turn) % 4])
                wiring.reconcile(f"project {number}", [Subscription(f"own-{number}", "spans")])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        found = held(wiring)
        assert [each.queue for each in found if each.kind == "spans"] == [f"own-{number}" for number in range(8)]
        assert [each for each in found if each.kind != "spans"] in [[RAW], [OUTPUT], [OUTPUT, RAW], []]

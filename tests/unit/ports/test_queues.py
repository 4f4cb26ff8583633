from headrace.ports.queues import OUTPUT, RAW, SPANS, QueueNames


def test_names_are_those_that_the_outside_world_depends_on():
    names = QueueNames()
    assert tuple(names.name(kind, "p") for kind in (RAW, OUTPUT, SPANS)) == (
        "gf-ai-raw-p",
        "gf-ai-output-p",
        "gf-ai-spans-p",
    )


def test_deployments_with_prefixes_of_their_own_do_not_meet():
    assert QueueNames("staging").name(RAW, "p") == "staging-raw-p"

from headrace.ports.queues import QueueNames


def test_names_are_those_that_the_outside_world_depends_on():
    names = QueueNames()
    assert (names.raw("p"), names.output("p"), names.spans("p")) == ("gf-ai-raw-p", "gf-ai-output-p", "gf-ai-spans-p")


def test_deployments_with_prefixes_of_their_own_do_not_meet():
    assert QueueNames("staging").raw("p") == "staging-raw-p"

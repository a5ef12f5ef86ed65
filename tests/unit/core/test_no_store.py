"""Without an artifact store nothing is compiled, and the workload says what to set."""

from dataclasses import replace

from steelyard.core.decide import decide
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import START, Ground, World


def test_a_workload_with_a_model_waits_and_says_what_to_set() -> None:
    seen = World({"a": Ground(compiled=False)}, rate=4.0).snapshot()
    without = replace(seen, settings=replace(seen.settings, store_uri=""))
    decision = decide(without, START)
    assert decision.intent.compile == ()
    words = {c.type.value: c for c in decision.conditions}
    for kind in ("Ready", "Compiled", "Placed"):
        assert (words[kind].status, words[kind].reason) == (False, Reason.NO_STORE), kind
        assert "set config.store.uri" in words[kind].message
    assert decide(seen, START).intent.compile != ()

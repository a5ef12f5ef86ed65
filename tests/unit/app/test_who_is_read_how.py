"""Each pod is read by the contract of its server: our own, or what its page is described as."""

from dataclasses import replace

from steelyard.app.observing import _observed
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.contract import STEELYARD
from steelyard.observe.profiles import contract_of
from unit.observe.pods import pod

OURS = PodFacts(**{name: getattr(pod(), name) for name in PodFacts.__dataclass_fields__})


def test_our_own_server_is_read_at_its_own_port() -> None:
    seen = _observed(OURS, "")
    assert (seen.contract, seen.metrics_port, seen.uid) == (STEELYARD, OURS.metrics_port, OURS.uid)


def test_another_server_is_read_by_its_profile_at_the_profiles_port_or_the_one_that_is_given() -> None:
    page = ServerPage(profile="mlserver", promises=(("e2e", 0.1),))
    seen = _observed(replace(OURS, page=page), "")
    assert (seen.contract, seen.metrics_port) == (contract_of(page), 8082)
    names = ServerPage(names=PageNames(requests="n_total", whole="t"), promises=(("e2e", 0.1),), port=9000, path="/stats")
    named = _observed(replace(OURS, page=names), "")
    assert (named.contract.counter, named.contract.path, named.metrics_port) == ("n_total", "/stats", 9000)


def test_replicas_of_one_server_share_a_contract() -> None:
    page = ServerPage(profile="vllm", promises=(("e2e", 0.1),))
    one, other = (_observed(replace(OURS, uid=uid, page=replace(page)), "") for uid in ("a", "b"))
    assert one.contract is other.contract

"""What keeps drains from taking all replicas of a workload at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.intent import Intent
from steelyard.render import label
from steelyard.render.manifest import Manifest
from steelyard.render.objects import Absent, desired

WORKLOAD = WorkloadKey("team", "search")
INTENT = Intent(workload=WORKLOAD, workload_uid="uid-1", scale={})


def budgets(settings: Settings, intent: Intent = INTENT) -> list[Manifest]:
    return [each for each in desired(intent, settings).present if each["kind"] == "PodDisruptionBudget"]


@pytest.mark.parametrize(("given", "allowed"), [({}, 1), ({"evictionsAtOnce": 3}, 3), ({"evictionsAtOnce": "10%"}, "10%")])
def test_a_budget_allows_what_the_installation_says(given: dict[str, object], allowed: object) -> None:
    (budget,) = budgets(settings_of(Config.model_validate(given)))
    assert budget["spec"]["maxUnavailable"] == allowed
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["metadata"]["name"] == "search"
    assert budget["metadata"]["ownerReferences"][0]["uid"] == "uid-1"


def test_a_budget_is_for_the_serving_pods_of_every_placement_and_for_no_others() -> None:
    (budget,) = budgets(settings_of(Config()))
    chosen = budget["spec"]["selector"]["matchLabels"].items()
    for pool, revision in (("a", "11111111"), ("b", "22222222")):
        assert chosen <= label.of_placement(WORKLOAD, PlacementKey(pool, revision)).items()
    assert not chosen <= label.of_workload(WORKLOAD).items(), "a compile's pod is none"


def test_where_none_are_wanted_those_that_were_made_go() -> None:
    without = settings_of(Config.model_validate({"evictionsAtOnce": None}))
    assert budgets(without) == []
    assert Absent("PodDisruptionBudget", "team", "search") in desired(INTENT, without).absent
    held = replace(INTENT, scale=None)
    assert (desired(held, without).absent, desired(held, settings_of(Config())).present) == ((), ()), "what is held changes nothing"


@pytest.mark.parametrize("wrong", [0, -1, "0%", "101%", "ten", "1.5%"])
def test_a_budget_that_would_block_every_drain_or_means_nothing_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="evictionsAtOnce"):
        Config.model_validate({"evictionsAtOnce": wrong})

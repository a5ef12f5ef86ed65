"""A variant of the model on a real API server: compiled beside the model as it is, probed, moved to on the same pool, and replaced once it is not asked for."""

from __future__ import annotations

from typing import Any

import pytest

from fault.meanwhile import meanwhile
from fault.move_run import CHEAP_CPU, DEAR_CPU, MoveRun
from stub.server import Behaviour

pytestmark = pytest.mark.apiserver

INT8: dict[str, Any] = {"name": "int8", "quantization": "Int8WeightOnly"}
SHAPES: dict[str, Any] = {"batchSizes": [1, 4], "sequenceLengths": [32]}


def asked(run: MoveRun, limit: str, *variants: dict[str, Any]) -> None:
    """On one pool, with variants."""
    objective = {
        "latency": [{"metric": "e2e", "milliseconds": 600, "percent": "98"}],
        "accuracy": [{"measure": "LeastCosine", "limit": limit}],
    }
    placement = {"pools": [{"name": run.dear}]}
    run.ask_for(compile={**SHAPES, "variants": list(variants)}, objective=objective, placement=placement)
    run.apply()


@meanwhile
def test_a_faster_variant_takes_over_on_the_same_pool_and_goes_when_it_leaves_the_spec(a_move):
    run = a_move()
    place = f"{run.dear}.int8"
    # One replica carries what two or three do of the model as it is.
    run.play.behaviours[place] = Behaviour(CHEAP_CPU / 4)
    run.start_operator()
    asked(run, "0.9")
    run.until_serving()
    assert run.holds() == run.dear
    run.least(1)
    asked(run, "0.9", INT8)
    run.until("the variant to hold the load", lambda s: run.holds() == place and not s.get("move"))
    (deployment,) = [each for each in run.listed("apps/v1/deployments") if each["spec"]["replicas"]]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert (labels["steelyard.dev/pool"], labels["steelyard.dev/variant"]) == (run.dear, "int8")
    compiled = run.listed("steelyard.dev/v1alpha1/compiledmodels")
    assert sorted(each["spec"]["quantization"] for each in compiled) == ["Int8WeightOnly", "None"]
    asked(run, "0.9")
    run.until("the model as it is to hold the load", lambda s: run.holds() == run.dear and not s.get("move"))
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_a_variant_that_is_too_far_from_the_reference_gets_no_pod(a_move):
    run = a_move(small=True, cpu=(DEAR_CPU, CHEAP_CPU))
    place = f"{run.dear}.int8"
    run.play.behaviours[place] = Behaviour(CHEAP_CPU / 4)
    run.start_operator()
    asked(run, "0.999", INT8)

    def refused(status: dict[str, Any]) -> bool:
        options = (status.get("lastDecision") or {}).get("options", ())
        return any(each["pool"] == place and each.get("reason") == "AccuracyTooLow" for each in options)

    run.until("the variant to be refused", refused)
    assert not [pod for pod in run.listed("v1/pods") if "steelyard.dev/variant" in pod["metadata"]["labels"]]
    run.end_operators()

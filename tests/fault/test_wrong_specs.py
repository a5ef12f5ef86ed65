"""Twenty-five things that users get wrong: each is refused when applied, with what to write instead, or its workload says what is wrong while others serve on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from cluster.errors import ClusterError
from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import OWN, Manifest, MoveRun
from patience import PATIENCE
from unit.api.objects import CUSTOM, GONE, changed

pytestmark = pytest.mark.apiserver

RIGHT: Manifest = {
    "model": {"uri": "s3://models/tiny", "digest": f"sha256:{'a' * 64}", "task": "feature-extraction"},
    "compile": {"batchSizes": [1, 4], "sequenceLengths": [32]},
    "objective": {"latency": [{"metric": "e2e", "milliseconds": 600, "percent": "98"}]},
    "rebalancing": {"mode": "Observe"},
}


@dataclass(frozen=True)
class Wrong:
    """A sentence, what is changed in a spec that is right, and words of the answer that say what to write instead: of the API server's, or of a
    condition that is not True."""

    sentence: str
    changes: dict[str, Any]
    says: str


AT_ONCE = (
    Wrong("no model", {"model": GONE}, "must give model, unless the server is existing or custom"),
    Wrong("a misspelt field", {"objectives": {}}, 'unknown field "spec.objectives"'),
    Wrong("a model by https", {"model.uri": "https://example.com/model"}, "must start with hf://, s3://, pvc:// or oci://"),
    Wrong("a model of a hub without its revision", {"model": {"uri": "hf://org/model", "task": "feature-extraction"}}, "must give revision, the commit of 40 hex digits"),
    Wrong("a branch in place of a revision", {"model": {"uri": "hf://org/model", "revision": "main", "task": "feature-extraction"}}, "must be a full commit of 40 lower case hex digits"),
    Wrong("a time with its unit", {"objective.latency.0.milliseconds": "600ms"}, "must be of type integer"),
    Wrong("all requests within the limit", {"objective.latency.0.percent": "100"}, "must be a whole number from 1 to 99, or a quoted decimal to \"99.999\""),
    Wrong("a metric that nobody tells", {"objective.latency.0.metric": "p99"}, 'supported values: "e2e", "ttft", "itl"'),
    Wrong("times of tokens of an encoder", {"objective.latency.0.metric": "ttft"}, "must use the metric e2e with the steelyard server: ttft and itl are times of models that stream tokens; use the vllm server"),
    Wrong("two servers", {"server": {"steelyard": {}, "vllm": {}}}, "must give exactly one of steelyard, vllm, custom and existing"),
    Wrong("no task", {"model.task": GONE}, 'must give model.task, such as "feature-extraction"'),
    Wrong("more replicas at least than at most", {"scaling": {"minReplicas": 5, "maxReplicas": 2}}, "lower minReplicas or raise maxReplicas"),
    Wrong("a mode in lower case", {"rebalancing.mode": "auto"}, 'supported values: "Observe", "Recommend", "Auto"'),
    Wrong("cost by tokens of an encoder", {"objective.unit": "OutputTokens"}, "must be GoodRequests unless the server is vllm"),
    Wrong("an image by its tag", {"server": changed(CUSTOM, {"custom.image": "example.com/a:latest"})}, "must be an image pinned by digest, NAME@sha256:DIGEST"),
    Wrong("moves of what is not ours", {"server": {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}, "compile": GONE, "rebalancing.mode": "Auto"}, "must be Observe or Recommend when the server is existing"),
    Wrong("a limit in nats of vectors", {"objective.accuracy": [{"measure": "WorstLogprob", "limit": "0.01"}]}, "LeastCosine of vectors"),
    Wrong("batches of vllm", {"server": {"vllm": {}}, "model.task": GONE}, "must leave out batchSizes, sequenceLengths"),
    Wrong("replicas of what is not ours", {"server": {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}, "compile": GONE, "scaling": {"maxReplicas": 3}}, "must be left out when the server is existing"),
)  # fmt: skip
AT_FIRST_SIGHT = (
    Wrong("a selector that no pool has", {"placement": {"poolSelector": {"matchLabels": {"tier": "gold"}}}}, "change spec.placement.poolSelector or the pool's labels"),
    Wrong("a pool that does not exist", {"placement": {"pools": [{"name": "no-such-pool"}]}}, "correct the name in spec.placement.pools, or create the pool"),
    Wrong("a replica that is larger than any node", {"placement": {"pools": [{"name": "DEAR", "resources": {"cpu": "1000", "memory": "1Gi"}}]}}, "ask for less in spec.placement.pools[].resources or add a shape"),
    Wrong("vllm on pools without it", {"server": {"vllm": {}}, "model.task": GONE, "compile": GONE, "placement": {"pools": [{"name": "DEAR"}]}}, "add one to the operator's toolchains or another back end to spec.backends"),
    Wrong("more families than there are", {"placement": {"minAcceleratorFamilies": 2, "pools": [{"name": "DEAR"}]}}, "lower it, or add a pool of another family"),
)  # fmt: skip
"""What the spec and the pools show: the first status of the object says it."""
LATER = (
    Wrong("a server that is not there", {"model": GONE, "compile": GONE, "server": {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}}, "correct spec.server.existing, or create it"),
)  # fmt: skip
"""What somebody has to be asked for before."""


def applied(run: MoveRun, called: str, spec: Manifest) -> tuple[int, str]:
    """As `kubectl apply` makes what is not there yet."""
    made = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "metadata": {"name": called}, "spec": spec}
    path = f"{OWN}/namespaces/{run.namespace}/inferenceworkloads?fieldValidation=Strict"
    status, body = run.cluster.api.request("POST", path, made)
    return status, json.loads(body).get("message", "")


def conditions(run: MoveRun, called: str) -> list[Manifest]:
    found = run.cluster.api.get(f"{OWN}/namespaces/{run.namespace}/inferenceworkloads/{called}") or {}
    return list((found.get("status") or {}).get("conditions") or ())


def told(run: MoveRun, called: str, wrong: Wrong) -> bool:
    return any(wrong.says in each["message"] and each["status"] != "True" for each in conditions(run, called))


def until(run: MoveRun, called: str, wrong: Wrong, seen: Callable[[], object]) -> None:
    try:
        wait_until(wrong.sentence, seen, seconds=PATIENCE, every=0.25)
    except ClusterError as error:
        raise AssertionError(f"{wrong.sentence}: {conditions(run, called)}") from error


@meanwhile
def test_what_is_wrong_is_refused_or_told_and_what_serves_is_not_touched(a_move):
    run: MoveRun = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    before = {d["metadata"]["name"]: d["metadata"]["generation"] for d in run.listed("apps/v1/deployments")}
    answers = {
        wrong.sentence: (wrong.says, *applied(run, f"wrong-{number}", changed(RIGHT, wrong.changes)))
        for number, wrong in enumerate(AT_ONCE)
    }
    unclear = {sentence: answer for sentence, (says, status, answer) in answers.items() if status not in {400, 422} or says not in answer}
    assert unclear == {}
    later = {f"later-{number}": wrong for number, wrong in enumerate((*AT_FIRST_SIGHT, *LATER))}
    for called, wrong in later.items():
        spec = json.loads(json.dumps(changed(RIGHT, wrong.changes)).replace("DEAR", run.dear))
        status, message = applied(run, called, spec)
        assert status < 300, f"{wrong.sentence}: {message}"
    for called, wrong in later.items():
        if wrong in AT_FIRST_SIGHT:
            until(run, called, wrong, partial(conditions, run, called))
            assert told(run, called, wrong), f"{wrong.sentence}: {conditions(run, called)}"
    for called, wrong in later.items():
        until(run, called, wrong, partial(told, run, called, wrong))
    after = {d["metadata"]["name"]: d["metadata"]["generation"] for d in run.listed("apps/v1/deployments")}
    assert before.items() <= after.items()
    assert run.world.lost == 0

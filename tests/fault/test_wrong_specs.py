"""Twenty-two things that users get wrong: each is refused when applied, with what to write instead, or its workload says what is wrong while others serve on."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    """A sentence, what is changed in a spec that is right, and words of the answer: of the API server's, or of a condition that is not True."""

    sentence: str
    changes: dict[str, Any]
    says: str


AT_ONCE = (
    Wrong("no model", {"model": GONE}, "must give model"),
    Wrong("a misspelt field", {"objectives": {}}, "objectives"),
    Wrong("a model by https", {"model.uri": "https://example.com/model"}, "must start with hf://"),
    Wrong("a model of a hub without its revision", {"model": {"uri": "hf://org/model", "task": "feature-extraction"}}, "revision"),
    Wrong("a branch in place of a revision", {"model": {"uri": "hf://org/model", "revision": "main", "task": "feature-extraction"}}, "40"),
    Wrong("a time with its unit", {"objective.latency.0.milliseconds": "600ms"}, "integer"),
    Wrong("all requests within the limit", {"objective.latency.0.percent": "100"}, "percent"),
    Wrong("a metric that nobody tells", {"objective.latency.0.metric": "p99"}, "e2e"),
    Wrong("times of tokens of an encoder", {"objective.latency.0.metric": "ttft"}, "use the vllm server"),
    Wrong("two servers", {"server": {"steelyard": {}, "vllm": {}}}, "exactly one of"),
    Wrong("no task", {"model.task": GONE}, "must give model.task"),
    Wrong("more replicas at least than at most", {"scaling": {"minReplicas": 5, "maxReplicas": 2}}, "lower minReplicas or raise maxReplicas"),
    Wrong("a mode in lower case", {"rebalancing.mode": "auto"}, "Auto"),
    Wrong("cost by tokens of an encoder", {"objective.unit": "OutputTokens"}, "must be GoodRequests unless the server is vllm"),
    Wrong("an image by its tag", {"server": changed(CUSTOM, {"custom.image": "example.com/a:latest"})}, "sha256"),
    Wrong("moves of what is not ours", {"server": {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}, "rebalancing.mode": "Auto"}, "must be Observe or Recommend"),
)  # fmt: skip
LATER = (
    Wrong("a selector that no pool has", {"placement": {"poolSelector": {"matchLabels": {"tier": "gold"}}}}, "poolSelector"),
    Wrong("a pool that does not exist", {"placement": {"pools": [{"name": "no-such-pool"}]}}, "no-such-pool"),
    Wrong("a replica that is larger than any node", {"placement": {"pools": [{"name": "DEAR", "resources": {"cpu": "1000", "memory": "1Gi"}}]}}, "1000 CPU"),
    Wrong("vllm on pools without it", {"server": {"vllm": {}}, "model.task": GONE, "placement": {"pools": [{"name": "DEAR"}]}}, "vllm"),
    Wrong("a server that is not there", {"model": GONE, "compile": GONE, "server": {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}}, "chat"),
    Wrong("more families than there are", {"placement": {"minAcceleratorFamilies": 2, "pools": [{"name": "DEAR"}]}}, "famil"),
)  # fmt: skip


def applied(run: MoveRun, called: str, spec: Manifest) -> tuple[int, str]:
    """As `kubectl apply` makes what is not there yet."""
    made = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "metadata": {"name": called}, "spec": spec}
    path = f"{OWN}/namespaces/{run.namespace}/inferenceworkloads?fieldValidation=Strict"
    status, body = run.cluster.api.request("POST", path, made)
    return status, body.decode()


def conditions(run: MoveRun, called: str) -> list[Manifest]:
    found = run.cluster.api.get(f"{OWN}/namespaces/{run.namespace}/inferenceworkloads/{called}") or {}
    return list((found.get("status") or {}).get("conditions") or ())


def until_told(run: MoveRun, called: str, wrong: Wrong) -> None:
    def told() -> bool:
        return any(wrong.says in each["message"] and each["status"] != "True" for each in conditions(run, called))

    try:
        wait_until(wrong.sentence, told, seconds=PATIENCE, every=0.25)
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
    for number, wrong in enumerate(LATER):
        spec = json.loads(json.dumps(changed(RIGHT, wrong.changes)).replace("DEAR", run.dear))
        status, body = applied(run, f"later-{number}", spec)
        assert status < 300, f"{wrong.sentence}: {body}"
    for number, wrong in enumerate(LATER):
        until_told(run, f"later-{number}", wrong)
    after = {d["metadata"]["name"]: d["metadata"]["generation"] for d in run.listed("apps/v1/deployments")}
    assert before.items() <= after.items()
    assert run.world.lost == 0

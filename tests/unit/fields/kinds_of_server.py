"""Pairs of specs of workloads whose server is not Steelyard's own, by field: the same ones, in a world where that server is; or others of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from unit.api.objects import GONE
from unit.fields.scene import COMPILES, Pair, Scene, values
from unit.fields.servers import RUNS
from unit.fields.workloads import TWO_FAMILIES, WORKLOADS

REFUSED = re.compile(r"(?:^refused: |; )(spec[^:]*): must")
KNOWN_ON_A_GPU = Scene(
    windows=6,
    grounds={"dear": {"price": 1.0}, "cheap": {"price": 0.5}, "new": {"price": 2.0, "family": "nvidia"}},
    pools={"new": {**TWO_FAMILIES.pools["dear"], "accelerator.model": "l40s"}},
    workload={"model.uri": "hf://meta-llama/Llama-3.3-70B-Instruct"},
)
"""The catalogue knows the model's size, and what others of its task were claimed to do there."""
NATS = [{"measure": "WorstLogprob", "limit": "0.05"}]
WITH_NATS = replace(COMPILES, workload={"objective.accuracy": NATS})


@dataclass(frozen=True)
class Server:
    """A kind of server. spec, pool: changes of the specs of all workloads and pools. pairs: where those of Steelyard's own server say nothing of it.
    unread: fields that are taken and make no difference, with the reason that `docs/status.md` gives."""

    spec: Mapping[str, Any]
    pool: Mapping[str, Any] = field(default_factory=dict)
    pairs: Mapping[str, Pair] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    def pair(self, name: str) -> Pair:
        """In a world of its own."""
        pair = self.pairs.get(name, WORKLOADS[name])
        pools = {each: {**pair.scene.pools.get(each, {}), **self.pool} for each in pair.scene.grounds}
        return replace(pair, scene=replace(pair.scene, workload={**pair.scene.workload, **self.spec}, pools=pools))


def _variants(one: Mapping[str, str], other: Mapping[str, str]) -> Pair:
    return values([{"name": "other", **one}], [{"name": "other", **other}], scene=WITH_NATS, at="compile.variants")


TASK = values("text-generation", "feature-extraction", scene=KNOWN_ON_A_GPU, at="model.task")
KINDS: dict[str, Server] = {
    "vllm": Server(
        spec={"server": {"vllm": {}}, "model.task": GONE},
        pool={"backends": [{"name": "vllm"}]},
        pairs={
            "objective.accuracy[].limit": values(NATS, [{"measure": "WorstLogprob", "limit": "0.01"}], at="objective.accuracy"),
            "compile.backends[].name": values(
                [{"name": "vllm", "dtype": "bfloat16"}], [{"name": "openvino", "dtype": "bfloat16"}], scene=COMPILES, at="compile.backends"
            ),
            "compile.backends[].dtype": values(
                [{"name": "vllm", "dtype": "bfloat16"}], [{"name": "vllm", "dtype": "float32"}], scene=COMPILES, at="compile.backends"
            ),
            "compile.variants[].name": values(
                [{"name": "half", "dtype": "bfloat16"}], [{"name": "small", "dtype": "bfloat16"}], scene=WITH_NATS, at="compile.variants"
            ),
            "compile.variants[].backend": _variants({"backend": "vllm", "dtype": "bfloat16"}, {"backend": "inductor", "dtype": "bfloat16"}),
            "compile.variants[].dtype": _variants({"dtype": "bfloat16"}, {"dtype": "float16"}),
        },
    ),
    "custom": Server(
        spec={"server": {"custom": {**RUNS, "families": ["cpu", "nvidia"]}}, "traffic.samples": {"configMap": {"name": "a"}}},
        pairs={"model.task": TASK},
    ),
    "existing": Server(
        spec={"server": {"existing": {"name": "chat", "metrics": {"profile": "mlserver"}}}, "rebalancing": {"bakeSeconds": 120}},
        pairs={"model.task": TASK, "rebalancing.deadlineSeconds": values(3600, 7200)},
        unread={
            "model.revision": "a model of the hub has one",
            "model.digest": "a model of a bucket has one",
            "rebalancing.exploration.deadlineSeconds": "it has to be as long as a window",
        },
    ),
}
"""Each beside Steelyard's own."""


def names(outcome: str) -> set[str]:
    """The fields that a refusal names."""
    return {re.sub(r"\[[0-9]*\]", "", found).removeprefix("spec.") for found in REFUSED.findall(outcome)}


def says_of(outcome: str, name: str) -> bool:
    """Whether a refusal is about this field, or about what it is in."""
    at = name.replace("[]", "").replace("{}", "")
    return any(at == found or at.startswith(f"{found}.") for found in names(outcome))


def fields() -> list[tuple[str, str]]:
    """Each kind, with each field that all kinds of servers have."""
    return [(kind, name) for kind in KINDS for name in WORKLOADS if not name.startswith("server.")]

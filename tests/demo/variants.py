"""Which two variants of the model differ most on this processor: measured in the compile image, in one pod, a minute before they are used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from statistics import median
from typing import Any

from cluster.cluster import Cluster
from cluster.object_store import ObjectStore
from cluster.progress import say
from cluster.waiting import wait_until
from demo.variant import Variant
from steelyard.render import runtime_word

VARIANTS = (
    Variant("onnxruntime", "float32"),
    Variant("openvino", "float32"),
    Variant("openvino", "float32", "Int8Dynamic"),
    Variant("eager", "float32"),
)
"""What may be compared. A workload gives each back end one number format, so a pair has two back ends."""
POD = "compare-variants"
NAMESPACE = "default"
BATCH, LENGTH = 8, 64
SECONDS = 600.0
"""Four compiles and five rounds take one minute of an idle processor."""


def runtime_words(variant: Variant) -> str:
    """As `steelyard-runtime compare` is asked for it."""
    return f"{variant.backend}/{runtime_word.dtype(variant.dtype)}/{runtime_word.quantization(variant.quantization)}"


def pod(image: str, uri: str, digest: str, store: ObjectStore) -> dict[str, Any]:
    """One run of `steelyard-runtime compare` on the model in the store."""
    arguments = ["compare", uri, "--digest", digest, f"--batch={BATCH}", f"--length={LENGTH}"]
    variables = {**store.environment(), "AWS_ENDPOINT_URL": store.endpoint, "AWS_ALLOW_HTTP": "true", "OMP_NUM_THREADS": "1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "nodeSelector": {"steelyard.dev/role": "general"},
            "containers": [
                {
                    "name": "compare",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": [*arguments, *(f"--variant={runtime_words(variant)}" for variant in VARIANTS)],
                    "env": [{"name": name, "value": value} for name, value in sorted(variables.items())],
                    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}},
                }
            ],
        },
    }


def read(lines: Iterable[str]) -> dict[Variant, float | str]:
    """By variant: milliseconds of one batch, or why it does not run here."""
    named = {runtime_words(variant): variant for variant in VARIANTS}
    rounds: dict[Variant, list[float]] = {}
    found: dict[Variant, float | str] = {}
    for line in lines:
        if not line.startswith('{"variant"'):
            continue  # a log line of the runtime
        told = json.loads(line)
        variant = named[told["variant"]]
        if "message" in told:
            found[variant] = told["message"]
        if "milliseconds" in told:
            rounds.setdefault(variant, []).append(told["milliseconds"])
    return {**found, **{variant: median(each) for variant, each in rounds.items()}}


def pair(found: Mapping[Variant, float | str]) -> tuple[Variant, Variant]:
    """(slower, faster): the two of different back ends that differ most. Where one back end runs alone, it is both."""
    times = {variant: time for variant, time in found.items() if isinstance(time, float)}
    if not times:
        raise ValueError("; ".join(str(why) for why in found.values()) or "nothing was told")
    several = [two for two in combinations(times, 2) if two[0].backend != two[1].backend]
    if not several:
        return (min(times, key=lambda variant: times[variant]),) * 2
    one, other = max(several, key=lambda two: max(times[two[0]], times[two[1]]) / min(times[two[0]], times[two[1]]))
    return (one, other) if times[one] > times[other] else (other, one)


def choose(cluster: Cluster, image: str, uri: str, digest: str) -> tuple[Variant, Variant]:
    """Measure on this cluster, tell each variant's figure, and return (slower, faster)."""
    say(f"comparing {len(VARIANTS)} variants of the model on this processor")
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod(image, uri, digest, cluster.s3)))
    phase = wait_until(
        "the comparison of variants",
        lambda: (ended := _phase(cluster)) in {"Succeeded", "Failed"} and ended,
        seconds=SECONDS,
        every=1.0,
    )
    output = cluster.kubectl("logs", "--namespace", NAMESPACE, POD)
    cluster.kubectl("delete", "pod", "--namespace", NAMESPACE, POD, "--wait=false")
    found = read(output.splitlines())
    if phase == "Failed":
        raise RuntimeError(f"no variant of the model runs on this processor:\n{output[-2000:]}")
    for variant, figure in found.items():
        say(f"  {variant}: {figure if isinstance(figure, str) else f'{1000 * BATCH / figure:.0f} texts/s on one thread'}")
    return pair(found)


def _phase(cluster: Cluster) -> str:
    found = cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{POD}") or {}
    return str(found.get("status", {}).get("phase", ""))

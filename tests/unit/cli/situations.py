"""Raw objects, as an API server returns them, of the situations that people meet."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from steelyard.cli.facts.operator import Operator, OperatorState
from steelyard.cli.gathered import Gathered

Raw = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
RUNNING = Operator(OperatorState.RUNNING, "steelyard-system/steelyard 2/2 ready")
GATES = (
    "frozen",
    "not_synced",
    "clock_suspect",
    "observations_stale",
    "too_few_requests",
    "price_suspect",
    "slo_at_risk",
    "infeasible_target",
    "saving_not_significant",
    "payback_too_long",
    "cooling_down",
    "cyclic",
    "quarantined",
    "pool_exhausted",
    "budget_exhausted",
    "replicas_owned_elsewhere",
    "too_many_unready_nodes",
    "mode_observes",
)


def condition(kind: str, status: str, reason: str, message: str, since: str = "2026-03-01T10:00:00Z") -> Raw:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since, "observedGeneration": 2}


def conditions(**changed: Raw) -> list[Raw]:
    usual = {
        "Ready": condition("Ready", "True", "Serving", "replicas are ready and serving"),
        "Compiled": condition("Compiled", "True", "Compiled", "an artifact is verified for every eligible pool"),
        "Placed": condition("Placed", "True", "Placed", "replicas are ready on pool cpu-avx"),
        "SLOMet": condition("SLOMet", "True", "WithinSLO", "the objective is met on the traffic of the last windows"),
        "Observed": condition("Observed", "True", "Observed", "every serving replica was read lately"),
        "Balanced": condition("Balanced", "True", "Balanced", "pool cpu-avx is the cheapest known that pays for a move"),
        "Held": condition("Held", "False", "NotHeld", "nothing holds the workload"),
    }
    return list({**usual, **changed}.values())


def board(*refused: tuple[str, str, str]) -> list[Raw]:
    by_gate = {gate: (reason, message) for gate, reason, message in refused}
    lines = []
    for gate in GATES:
        line: Raw = {"gate": gate, "passed": gate not in by_gate}
        if gate in by_gate:
            line["reason"], line["message"] = by_gate[gate]
        lines.append(line)
    return lines


def workload(status: Raw | None, mode: str = "Auto") -> Raw:
    raw: Raw = {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "InferenceWorkload",
        "metadata": {"name": "minilm", "namespace": "shop", "uid": "w-1", "generation": 2, "creationTimestamp": "2026-03-01T08:00:00Z"},
        "spec": {
            "model": {"uri": "hf://sentence-transformers/all-MiniLM-L6-v2", "revision": "a" * 40},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": 50, "percent": "99"}]},
            "rebalancing": {"mode": mode},
        },
    }
    if status is not None:
        raw["status"] = {"observedGeneration": 2, "currency": "EUR", **status}
    return raw


def pool(name: str, price: str | None, claims: list[Raw] | None = None, **status: Any) -> Raw:
    known: Raw = {"nodes": 3, "devices": {"total": 0, "used": 0, "idle": 0}, **status}
    if price is not None:
        known["price"] = {"value": price, "currency": "EUR", "class": "Static", "asOf": "2026-02-20T00:00:00Z"}
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": name},
        "spec": {
            "accelerator": {"family": "cpu", "model": {"cpu-avx": "Cascade Lake", "cpu-amx": "Sapphire Rapids"}.get(name, "Inferentia2")},
            "shapes": [
                {"instanceType": f"{name}-4", "devices": 0, "cpu": "4", "memory": "16Gi", **({"pricePerHour": price} if price else {})}
            ],
            "claims": claims or [],
        },
        "status": known,
    }


HALF = {
    "name": "half-the-cost",
    "metric": "UnitCost",
    "ratio": "0.5",
    "relativeTo": "cpu-avx",
    "source": "vendor's launch talk",
    "date": "2026-01-15",
}


def pools() -> tuple[Raw, ...]:
    return (pool("cpu-amx", "0.34", [HALF]), pool("cpu-avx", "0.20"), pool("inf2", None))


def placement(name: str = "cpu-avx", revision: str = "3f9a1c07", ready: int = 2, desired: int = 2, **more: Any) -> Raw:
    return {
        "pool": name,
        "revision": revision,
        "desiredReplicas": desired,
        "readyReplicas": ready,
        "artifactDigest": "sha256:" + "0a" * 32,
        **more,
    }


def measured(value: str, lower: str, upper: str, n: int, capacity: str, good: str, p99: int) -> Raw:
    return {
        "capacityPerReplica": capacity,
        "capacityLower": str(round(float(capacity) * 0.94, 1)),
        "capacityUpper": str(round(float(capacity) * 1.05, 1)),
        "capacityBasis": "Measured",
        "capacityRequests": n + 140,
        "unitCost": {
            "value": value,
            "lower": lower,
            "upper": upper,
            "n": n,
            "from": "2026-03-01T11:00:00Z",
            "to": "2026-03-01T11:58:00Z",
            "cost": "0.193",
            "good": n,
            "replicas": 2,
            "basis": "Share",
        },
        "goodPercent": good,
        "p50Milliseconds": p99 // 4,
        "p95Milliseconds": p99 // 2,
        "p99Milliseconds": p99,
    }


def option(name: str, **more: Any) -> Raw:
    return {"pool": name, "feasible": True, "reason": "", "message": "", "n": 0, **more}


UNSUPPORTED = option(
    "inf2",
    feasible=False,
    reason="UnsupportedTarget",
    message="pool inf2 lists back ends neuron and no toolchain is configured for any of them: add one to the operator's toolchains or "
    "another back end to spec.backends",
)
AVX = measured("0.00381", "0.00369", "0.00394", 50812, "29.1", "99.4", 41)
AMX = measured("0.00347", "0.00325", "0.00371", 1204, "61", "99.6", 23)
OPTION_AVX = option(
    "cpu-avx",
    replicas=2,
    costPerHour="0.2",
    unitCost="0.00381",
    lower="0.00369",
    upper="0.00394",
    basis="Measured",
    n=50812,
    cheapestBelow="0.17",
    costBasis="Share",
)
OPTION_AMX_CLAIMED = option("cpu-amx", replicas=1, costPerHour="0.17", unitCost="0.0019", lower="0.00095", upper="0.0038", basis="Claimed")
OPTION_AMX_MEASURED = option(
    "cpu-amx",
    replicas=1,
    costPerHour="0.17",
    unitCost="0.00324",
    lower="0.00303",
    upper="0.00346",
    basis="Measured",
    n=1204,
)
INCONCLUSIVE = {
    "pool": "cpu-amx",
    "name": "half-the-cost",
    "verdict": "Inconclusive",
    "n": 0,
    "claimed": "0.5",
    "message": "unit cost relative to cpu-avx: not measured yet",
}


def decision(verdict: str, reason: str, message: str, time: str = "2026-03-01T11:46:00Z", **more: Any) -> Raw:
    return {"time": time, "verdict": verdict, "reason": reason, "message": message, "digest": "9d2c41aa07be5f13", **more}


def seen(one: Raw, models: tuple[Raw, ...] = (), around: tuple[Raw, ...] | None = None, operator: Operator = RUNNING) -> Gathered:
    return Gathered(
        now=NOW, namespace="shop", workloads=(one,), pools=pools() if around is None else around, models=models, operator=operator
    )


def model(name: str, backend: str, target: str, status: Raw) -> Raw:
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "ownerReferences": [{"kind": "InferenceWorkload", "name": "minilm", "uid": "w-1", "apiVersion": "steelyard.dev/v1alpha1"}],
        },
        "spec": {"backend": backend, "target": target},
        "status": status,
    }


def unseen() -> Gathered:
    """No operator has looked at it."""
    return seen(workload(None), operator=Operator(OperatorState.NOT_FOUND, "no Deployment carries the labels of the operator"))


def compiling() -> Gathered:
    """Fresh: the first compile runs, another failed."""
    words = "the model is being compiled for onnxruntime on pool cpu-avx"
    status = {
        "conditions": conditions(
            Ready=condition("Ready", "False", "Compiling", words, "2026-03-01T11:58:00Z"),
            Compiled=condition("Compiled", "False", "Compiling", "compiling for cpu-avx: `kubectl get cmodel` shows the progress"),
            Placed=condition("Placed", "False", "Compiling", words),
            SLOMet=condition("SLOMet", "Unknown", "ObservationsStale", "no complete and recent window of traffic"),
            Observed=condition("Observed", "Unknown", "NoTraffic", "no replica is serving yet"),
            Balanced=condition("Balanced", "Unknown", "Placing", "nothing is placed yet"),
        ),
        "lastDecision": decision(
            "Wait",
            "Compiling",
            words,
            "2026-03-01T11:58:00Z",
            options=[
                option("cpu-amx", feasible=False, reason="CompileFailed", message="the compile ran out of memory at 7.8 GiB"),
                option("cpu-avx", feasible=False, reason="Compiling", message=words),
                UNSUPPORTED,
            ],
        ),
    }
    models = (
        model(
            "minilm-6b1f",
            "onnxruntime",
            "avx512",
            {
                "progress": {
                    "phase": "Compiling",
                    "percent": 40,
                    "etaSeconds": 95,
                    "lastLogLine": "bucket 3 of 8: batch 4,\x1b[31m length 256",
                },
                "attempts": 1,
            },
        ),
        model(
            "minilm-90aa",
            "openvino",
            "amx",
            {
                "attempts": 2,
                "nextRetryTime": "2026-03-01T12:04:00Z",
                "failure": {"class": "OutOfMemory", "reason": "OOMKilled", "message": "the compile ran out of memory at 7.8 GiB"},
            },
        ),
    )
    return seen(workload(status), models)


def claimed() -> Gathered:
    """Placed by claims; nothing is measured, no request came."""
    status = {
        "placements": [
            placement(ready=1, desired=1, capacityPerReplica="30", capacityLower="15", capacityUpper="60", capacityBasis="Claimed")
        ],
        "conditions": conditions(
            SLOMet=condition("SLOMet", "Unknown", "NoTraffic", "no requests in the last windows"),
            Balanced=condition("Balanced", "Unknown", "TooFewRequests", "not decided: see condition Held and `kubectl steelyard explain`"),
        ),
        "claims": [INCONCLUSIVE],
        "lastDecision": decision(
            "Stay",
            "TooFewRequests",
            "0 good requests measured on pool cpu-avx, 300 are needed (spec.rebalancing.minGoodRequests)",
            options=[option("cpu-amx", basis="Claimed"), option("cpu-avx", basis="Claimed"), UNSUPPORTED],
            board=board(("too_few_requests", "TooFewRequests", "0 good requests measured on pool cpu-avx, 300 are needed")),
        ),
    }
    return seen(workload(status, "Recommend"))


def balanced() -> Gathered:
    """Measured, and nothing cheaper is sure enough."""
    words = "pool cpu-amx saves 9 % [2 %, 15 %]; the lower bound must reach 10 % (spec.rebalancing.minSavingPercent)"
    status = {
        "costs": [
            {"pool": "cpu-amx", "allocated": "0.113", "avoidable": "0.34"},
            {"pool": "cpu-avx", "allocated": "0.0826", "fullyLoaded": "0.2", "avoidable": "0.0826"},
        ],
        "endpoint": "http://minilm.shop.svc:8080",
        "placements": [placement(**AVX), placement("cpu-amx", "77b0de41", 0, 0, **AMX)],
        "conditions": conditions(),
        "claims": [
            {
                **INCONCLUSIVE,
                "n": 1204,
                "measured": "0.911",
                "lower": "0.85",
                "upper": "0.98",
                "verdict": "Refuted",
                "message": "unit cost relative to cpu-avx: measured 0.911 [0.85, 0.98], claimed 0.5, n 1204",
            }
        ],
        "lastDecision": decision(
            "Stay",
            "SavingNotSignificant",
            words,
            options=[OPTION_AMX_MEASURED, OPTION_AVX, UNSUPPORTED],
            board=board(
                ("saving_not_significant", "SavingNotSignificant", words),
                (
                    "payback_too_long",
                    "PaybackTooLong",
                    "the move costs 0.17 and surely saves 0.1 within 86400 s (spec.rebalancing.paybackSeconds)",
                ),
            ),
        ),
        "history": [
            {
                "from": "cpu-avx",
                "to": "cpu-amx",
                "toRevision": "77b0de41",
                "time": "2026-03-01T10:30:00Z",
                "outcome": "Explored",
                "reason": "NotCheaper",
            }
        ],
    }
    return seen(workload(status))


def exploring() -> Gathered:
    """One replica on a pool without measurements takes traffic."""
    status = {
        "placements": [placement(**AVX), placement("cpu-amx", "77b0de41", 1, 1)],
        "conditions": conditions(Balanced=condition("Balanced", "False", "Moving", "exploration from cpu-avx to cpu-amx: Shift")),
        "claims": [{**INCONCLUSIVE, "n": 96}],
        "move": {
            "id": "20260301t114600-cpu-amx",
            "kind": "Exploration",
            "from": "cpu-avx",
            "to": "cpu-amx",
            "fromRevision": "3f9a1c07",
            "toRevision": "77b0de41",
            "step": "Shift",
            "sourceReplicas": 2,
            "targetReplicas": 1,
            "targetGoal": 1,
            "startedTime": "2026-03-01T11:46:00Z",
            "stepTime": "2026-03-01T11:49:00Z",
            "deadlineTime": "2026-03-01T12:16:00Z",
            "reason": "StepStarted",
            "message": "1 replica(s) on cpu-amx take traffic",
        },
        "lastDecision": decision(
            "Move",
            "StepStarted",
            "1 replica(s) on cpu-amx take traffic",
            "2026-03-01T11:49:00Z",
            options=[OPTION_AMX_CLAIMED, OPTION_AVX, UNSUPPORTED],
        ),
    }
    return seen(workload(status))


def routed() -> Gathered:
    """A move that shifts the requests of a route by weights: one of three replicas gets a hundredth."""
    found = exploring()
    one = copy.deepcopy(found.workloads[0])
    home, target = one["status"]["placements"]
    home["weight"], target["weight"] = 990, 10
    one["status"]["move"] |= {"sharePercent": 1, "message": "1 % of the requests go to cpu-amx"}
    return replace(found, workloads=(one,))


def trialled() -> Gathered:
    """A trial of the workload measures two pools; of two others one has ended, and one is of another workload."""

    def trial(name: str, of: str, reason: str, ended: str = "False") -> Raw:
        return {
            "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-03-01T11:40:00Z"},
            "spec": {"workloadName": of, "pools": ["cpu-amx", "cpu-avx"], "budget": "2.00", "deadlineSeconds": 7200},
            "status": {
                "currency": "EUR",
                "reserved": "1.84",
                "spent": "0.21",
                "conditions": [condition("Finished", ended, reason, "cpu-amx: measuring; cpu-avx: measuring")],
            },
        }

    trials = (trial("half", "minilm", "Measuring"), trial("before", "minilm", "Decided", "True"), trial("other", "search", "Waiting"))
    return replace(balanced(), trials=trials)


def probing() -> Gathered:
    """The replica of a trial is measured before it serves anybody: what was found there, and that the present pool is probed to compare."""
    found = (
        "pool cpu-amx carries 36 [34.2, 38.9] requests/s a replica as probed (n = 10692); a replica on pool cpu-avx is probed to compare"
    )
    amx = placement("cpu-amx", "77b0de41", 0, 0)
    amx |= {"capacityPerReplica": "36", "capacityLower": "34.2", "capacityUpper": "38.9"}
    amx |= {"capacityBasis": "Probed", "capacityRequests": 10692, "probedTime": "2026-03-01T11:56:00Z"}
    status = {
        "placements": [placement(**AVX), amx],
        "conditions": conditions(Balanced=condition("Balanced", "False", "Moving", "exploration from cpu-avx to cpu-amx: Probe")),
        "claims": [{**INCONCLUSIVE, "n": 96}],
        "move": {
            "id": "20260301t114600-cpu-amx",
            "kind": "Exploration",
            "from": "cpu-avx",
            "to": "cpu-amx",
            "fromRevision": "3f9a1c07",
            "toRevision": "77b0de41",
            "step": "Probe",
            "sourceReplicas": 2,
            "targetReplicas": 0,
            "targetGoal": 1,
            "startedTime": "2026-03-01T11:46:00Z",
            "stepTime": "2026-03-01T11:46:00Z",
            "deadlineTime": "2026-03-01T12:16:00Z",
            "reserved": "0.31",
            "reason": "StepStarted",
            "message": found,
        },
        "lastDecision": decision(
            "Move", "StepStarted", found, "2026-03-01T11:56:00Z", options=[OPTION_AMX_CLAIMED, OPTION_AVX, UNSUPPORTED]
        ),
    }
    return seen(workload(status))


def held() -> Gathered:
    """No fresh reading: nothing is done, serving goes on."""
    words = "no request counter of pool cpu-avx was read for 180 s; check that its pods are scraped"
    status = {
        "placements": [placement(**AVX)],
        "conditions": conditions(
            SLOMet=condition("SLOMet", "Unknown", "ObservationsStale", "no complete and recent window of traffic", "2026-03-01T11:57:00Z"),
            Observed=condition("Observed", "False", "ObservationsStale", words, "2026-03-01T11:57:00Z"),
            Balanced=condition(
                "Balanced", "Unknown", "ObservationsStale", "not decided: see condition Held and `kubectl steelyard explain`"
            ),
            Held=condition("Held", "True", "ObservationsStale", words, "2026-03-01T11:57:00Z"),
        ),
        "claims": [INCONCLUSIVE],
        "lastDecision": decision(
            "Hold",
            "ObservationsStale",
            words,
            "2026-03-01T11:57:00Z",
            options=[option("cpu-amx", basis="Claimed"), option("cpu-avx", basis="Measured", n=50812), UNSUPPORTED],
            board=board(
                ("observations_stale", "ObservationsStale", words),
                ("mode_observes", "ModeObserves", "spec.rebalancing.mode is Recommend: set it to Auto to let Steelyard act"),
            ),
        ),
    }
    return seen(workload(status, "Recommend"))


def moved() -> Gathered:
    """After a move; the claim that led there did not hold, and yet it is cheaper."""
    words = "the last move ended at 11:20:00 UTC; the next may begin at 17:20:00 (spec.rebalancing.cooldownSeconds)"
    status = {
        "placements": [
            placement("cpu-amx", "77b0de41", 1, 1, **measured("0.00301", "0.00294", "0.00309", 88410, "63.5", "99.6", 23)),
            placement(ready=0, desired=0, **AVX),
        ],
        "conditions": conditions(Placed=condition("Placed", "True", "Placed", "replicas are ready on pool cpu-amx")),
        "claims": [
            {
                "pool": "cpu-amx",
                "name": "half-the-cost",
                "verdict": "Refuted",
                "n": 50812,
                "claimed": "0.5",
                "measured": "0.79",
                "lower": "0.76",
                "upper": "0.82",
                "message": "unit cost relative to cpu-avx: measured 0.79 [0.76, 0.82], claimed 0.5, n 50812",
            }
        ],
        "lastDecision": decision(
            "Stay",
            "SavingNotSignificant",
            "pool cpu-avx saves -27 % [-31 %, -22 %]; the lower bound must reach 10 % (spec.rebalancing.minSavingPercent)",
            "2026-03-01T11:20:00Z",
            options=[
                option(
                    "cpu-amx",
                    replicas=1,
                    costPerHour="0.17",
                    unitCost="0.00301",
                    lower="0.00294",
                    upper="0.00309",
                    basis="Measured",
                    n=88410,
                ),
                OPTION_AVX,
                UNSUPPORTED,
            ],
            board=board(
                (
                    "saving_not_significant",
                    "SavingNotSignificant",
                    "pool cpu-avx saves -27 % [-31 %, -22 %]; the lower bound must reach 10 % (spec.rebalancing.minSavingPercent)",
                ),
                ("cooling_down", "CoolingDown", words),
                ("cyclic", "Cyclic", "pool cpu-avx was left at 11:20:00 UTC"),
            ),
        ),
        "history": [
            {
                "from": "cpu-avx",
                "to": "cpu-amx",
                "toRevision": "77b0de41",
                "time": "2026-03-01T11:20:00Z",
                "outcome": "Moved",
                "reason": "Moved",
            }
        ],
    }
    return seen(workload(status))


def quarantined() -> Gathered:
    """The target broke the promise; it went back."""
    words = "pool cpu-amx failed 2 time(s) with this revision (ViolatesSLO); tried again after 2026-03-01 12:40:00 UTC"
    status = {
        "placements": [placement(**AVX)],
        "conditions": conditions(
            Balanced=condition("Balanced", "False", "CheaperKnown", "pool cpu-amx may be cheaper; kept by Quarantined")
        ),
        "claims": [INCONCLUSIVE],
        "quarantine": [
            {"pool": "cpu-amx", "revision": "77b0de41", "until": "2026-03-01T12:40:00Z", "failures": 2, "reason": "ViolatesSLO"}
        ],
        "lastDecision": decision(
            "Stay",
            "Quarantined",
            words,
            options=[OPTION_AMX_CLAIMED, OPTION_AVX, UNSUPPORTED],
            board=board(("quarantined", "Quarantined", words)),
        ),
        "history": [
            {
                "from": "cpu-avx",
                "to": "cpu-amx",
                "toRevision": "77b0de41",
                "time": "2026-03-01T10:00:00Z",
                "outcome": "RolledBack",
                "reason": "ViolatesSLO",
            },
            {
                "from": "cpu-avx",
                "to": "cpu-amx",
                "toRevision": "77b0de41",
                "time": "2026-03-01T11:40:00Z",
                "outcome": "RolledBack",
                "reason": "ViolatesSLO",
            },
        ],
    }
    around = (
        pool("cpu-amx", "0.34", [HALF], exhausted={"until": "2026-03-01T12:05:00Z", "failures": 1, "reason": "InsufficientCapacity"}),
        *pools()[1:],
    )
    return seen(workload(status), around=around)


MISSING = (
    "its Job waits for Secret artifact-store, which namespace shop does not have: `kubectl create secret generic artifact-store"
    " --namespace shop --from-literal=AWS_ACCESS_KEY_ID=... --from-literal=AWS_SECRET_ACCESS_KEY=...` makes it"
)


def no_secret() -> Gathered:
    """The compile's pod waits for a Secret, and another compile for its turn."""
    words = f"the compile for openvino on pool cpu-avx: {MISSING}"
    unread = condition("SLOMet", "Unknown", "ObservationsStale", "no complete and recent window of traffic")
    status = {
        "conditions": conditions(
            Ready=condition("Ready", "False", "SecretMissing", words),
            Compiled=condition("Compiled", "False", "SecretMissing", words),
            Placed=condition("Placed", "False", "SecretMissing", words),
            SLOMet=unread,
            Observed=condition("Observed", "Unknown", "NoTraffic", "no replica is serving yet"),
            Balanced=condition("Balanced", "Unknown", "Placing", "nothing is placed yet"),
            Held=condition("Held", "True", "SecretMissing", words),
        ),
        "lastDecision": decision(
            "Hold", "SecretMissing", words, options=[option("cpu-avx", feasible=False, reason="SecretMissing", message=words[:256])]
        ),
    }
    waits = "it waits for another one to end: config.compile.jobsAtOnce lets 1 run at the same time"
    models = (
        model(
            "openvino-1",
            "openvino",
            "cpu/x86-64",
            {"conditions": [condition("Ready", "False", "SecretMissing", MISSING)], "progress": {"phase": "Pending", "percent": 0}},
        ),
        model("onnxruntime-1", "onnxruntime", "cpu/x86-64", {"conditions": [condition("Ready", "False", "Compiling", waits)]}),
    )
    return seen(workload(status), models, around=(pool("cpu-avx", "0.20"),))


def node_lost() -> Gathered:
    """One of two replicas is on a node that does not report any more; the other one serves."""
    words = (
        "node n-7 of pool cpu-avx is not ready since 2026-03-01 11:57:40 UTC and a replica is on it: mend it or delete it"
        " (`kubectl describe node n-7`); Kubernetes moves its pods about five minutes after a node was lost"
    )
    status = {
        "placements": [placement(ready=1, **AVX)],
        "conditions": conditions(Placed=condition("Placed", "False", "NodeNotReady", words, "2026-03-01T11:58:00Z")),
        "claims": [INCONCLUSIVE],
        "lastDecision": decision(
            "Stay",
            "Waiting",
            "the replicas on pool cpu-avx follow the load first: what they cost is measured after that",
            options=[OPTION_AMX_CLAIMED, OPTION_AVX, UNSUPPORTED],
        ),
    }
    return seen(workload(status))


def no_pool() -> Gathered:
    """Nowhere to run."""
    words = "no pool is eligible: inf2: pool inf2 lists back ends neuron and no toolchain is configured for any of them"
    status = {
        "conditions": conditions(
            Ready=condition("Ready", "False", "NoPool", words),
            Compiled=condition(
                "Compiled", "False", "NoPool", "no selected pool has a back end with a toolchain: see `kubectl steelyard explain`"
            ),
            Placed=condition("Placed", "False", "NoPool", words),
            SLOMet=condition("SLOMet", "Unknown", "ObservationsStale", "no complete and recent window of traffic"),
            Observed=condition("Observed", "Unknown", "NoTraffic", "no replica is serving yet"),
            Balanced=condition("Balanced", "Unknown", "Placing", "nothing is placed yet"),
            Held=condition("Held", "True", "NoPool", words),
        ),
        "lastDecision": decision("Hold", "NoPool", words, options=[UNSUPPORTED]),
    }
    return seen(workload(status), around=(pool("inf2", None),))


def too_late() -> Gathered:
    """Every pool was measured, and none keeps the objective at any load."""
    words = (
        "no pool meets the objective: cpu-amx comes nearest with 96.2 % of 99 % (e2e within 50 ms) at any load; 95.9 % would hold there, or 99 % "
        "within 71 ms (spec.objective.latency)"
    )
    misses = "{} met the objective at 2.1 requests/s and replica, the lowest load seen, and at most {} % would at a lower one; 99 % must"
    late_amx = misses.format("96.2 % [95.9, 96.5] of 4800 requests", "97.1")
    late_avx = misses.format("71.4 % [70.1, 72.7] of 4620 requests", "74.9")

    def floor(percent: str, lower: str, upper: str, most: str, n: int) -> Raw:
        figures = {"percent": percent, "lower": lower, "upper": upper, "most": most}
        return {"floor": {**figures, "requestsPerSecond": "2.1", "requests": n, "time": "2026-03-01T11:40:00Z"}}

    status = {
        "placements": [
            placement(
                "cpu-amx",
                "77b0de41",
                **{**AMX, "goodPercent": "96.2", "p99Milliseconds": 71},
                **floor("96.2", "95.9", "96.5", "97.1", 4800),
                energy={
                    "joulesPerRequest": "4.31",
                    "lower": "4.22",
                    "upper": "4.45",
                    "watts": "62.4",
                    "wattsLower": "61.8",
                    "wattsUpper": "63.1",
                    "requestsPerSecond": "14.5",
                    "n": 38400,
                    "method": "Estimated",
                },
                latency={"percent": "99", "milliseconds": "71.2", "lower": "50", "upper": "100", "requestsPerSecond": "14.5", "n": 39900},
            ),
            placement(
                ready=0, desired=0, **{**AVX, "goodPercent": "71.4", "p99Milliseconds": 160}, **floor("71.4", "70.1", "72.7", "74.9", 4620)
            ),
        ],
        "conditions": conditions(
            Placed=condition("Placed", "True", "Placed", "replicas are ready on pool cpu-amx"),
            SLOMet=condition("SLOMet", "False", "NoPoolMeetsObjective", words, "2026-03-01T11:44:00Z"),
            Balanced=condition(
                "Balanced", "Unknown", "NoPoolMeetsObjective", "not decided: see condition Held and `kubectl steelyard explain`"
            ),
            Held=condition("Held", "True", "NoPoolMeetsObjective", words, "2026-03-01T11:44:00Z"),
        ),
        "claims": [INCONCLUSIVE],
        "lastDecision": decision(
            "Hold",
            "NoPoolMeetsObjective",
            words,
            "2026-03-01T11:44:00Z",
            options=[
                {**OPTION_AMX_MEASURED, "feasible": False, "reason": "CannotMeetObjective", "message": late_amx},
                {**OPTION_AVX, "feasible": False, "reason": "CannotMeetObjective", "message": late_avx},
                UNSUPPORTED,
            ],
            board=board(("infeasible_target", "NoPoolMeetsObjective", words)),
        ),
        "history": [
            {
                "from": "cpu-avx",
                "to": "cpu-amx",
                "toRevision": "77b0de41",
                "time": "2026-03-01T11:30:00Z",
                "outcome": "Moved",
                "reason": "Moved",
                "kind": "Rescue",
            }
        ],
    }
    return seen(workload(status))


def by_tokens() -> Gathered:
    """It counts output tokens: what decides, what is shown first and what a claim is judged by are for 1M of them."""
    found = balanced()
    one = copy.deepcopy(found.workloads[0])
    one["spec"]["objective"]["unit"] = "OutputTokens"
    one["spec"]["server"] = {"vllm": {}}
    decided, (first, *_) = one["status"]["lastDecision"], one["status"]["placements"]
    decided["unit"] = "OutputTokens"
    for each in decided["options"]:
        for figure in ("unitCost", "lower", "upper"):
            if figure in each:
                each[figure] = str(round(float(each[figure]) * 5, 5))
    first["unitCost"]["outputTokens"] = {"value": "0.01905", "lower": "0.01841", "upper": "0.01972", "tokens": 10162400}
    first["unitCost"]["inputTokens"] = {"value": "0.00476", "lower": "0.0046", "upper": "0.00493", "tokens": 40649600, "cached": 1203000}
    one["status"]["claims"][0]["unit"] = "OutputTokens"
    return replace(found, workloads=(one,))


def _drilled(**told: Any) -> Gathered:
    """A workload that is to prove once a week that it could leave its accelerator family."""
    found = balanced()
    one = copy.deepcopy(found.workloads[0])
    one["spec"]["placement"] = {"exitDrill": {"everySeconds": 604_800, "budget": "1.50"}}
    one["status"]["exitDrill"] = {"from": "cpu", "wantedTime": "2026-02-01T12:00:00Z", "nextTime": "2026-03-05T12:00:00Z", **told}
    return replace(found, workloads=(one,))


PROVEN: Raw = {
    "from": "cpu",
    "to": "neuron-inf2",
    "fromPool": "cpu-avx",
    "toPool": "inf2",
    "withinSeconds": 540,
    "compileSeconds": 840,
    "replicas": 2,
    "costPercent": "21",
    "costPercentLower": "18",
    "costPercentUpper": "33",
    "basis": "Probed",
    "provenTime": "2026-02-26T12:00:00Z",
    "trialName": "minilm-exit-0a1b2c3d4e",
}


def proven() -> Gathered:
    """A drill has proven that it could leave."""
    return _drilled(reason="ExitProven", message="pool inf2 keeps the promise with 2 replica(s)", proofs=[PROVEN])


def unproven() -> Gathered:
    """None has, and nobody knows whether it could leave."""
    return _drilled(reason="PriceSuspect", message="pool inf2: the price of pool inf2 is not known", proofs=[])


SITUATIONS: dict[str, Callable[[], Gathered]] = {
    "unseen": unseen,
    "compiling": compiling,
    "claimed": claimed,
    "balanced": balanced,
    "by-tokens": by_tokens,
    "exploring": exploring,
    "routed": routed,
    "trialled": trialled,
    "probing": probing,
    "held": held,
    "moved": moved,
    "quarantined": quarantined,
    "no-pool": no_pool,
    "no-secret": no_secret,
    "node-lost": node_lost,
    "too-late": too_late,
    "proven": proven,
    "unproven": unproven,
}

"""Objects as the API server would take them from anybody, and damage to real ones that goes beyond that."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render.name import probe_job, trial_job

Manifest = dict[str, Any]

LABELS = {
    "app.kubernetes.io/managed-by": "steelyard",
    "steelyard.dev/workload": "chat",
    "steelyard.dev/pool": "gpu",
    "steelyard.dev/revision": "0a1b2c3d",
}
TIMES = st.sampled_from(
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z"]
)
QUANTITIES = st.one_of(
    st.sampled_from(["0", "1", "100m", "1Gi", "1Ei", "1E", "1e3", "10e399", "-1", "1n", "+5", ".5", "5.", "9223372036854775807", "1e-400"]),
    st.integers(-(2**63), 2**63),
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|e[+-]?[0-9]{1,4})?", fullmatch=True),
)
NAMES = st.from_regex("[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
WORDS = st.text(max_size=20) | st.sampled_from(
    ["True", "False", "Unknown", "", "Ready", "\x00", "\ud7ff", "x" * 5000, "[" * 5000, "{" * 900]
)
COUNTS = st.integers(-(2**31), 2**31 - 1)
RESOURCES = st.dictionaries(
    st.sampled_from(["cpu", "memory", "nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "example.com/x"]), QUANTITIES, max_size=4
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Manifest]:
    """An object with any of these fields, each of which may be left out or null: the API server takes both."""
    return st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in fields.items()})


CONDITIONS = st.lists(
    some(
        type=st.sampled_from(
            ["Ready", "PodScheduled", "DisruptionTarget", "PodReadyToStartContainers", "Complete", "Failed", "FailureTarget"]
        )
        | WORDS,
        status=st.sampled_from(["True", "False", "Unknown"]) | WORDS,
        reason=st.sampled_from(["Unschedulable", "DeadlineExceeded"]) | WORDS,
        message=WORDS,
        lastTransitionTime=TIMES,
    ),
    max_size=4,
)
STATE = some(
    waiting=some(reason=st.sampled_from(["CrashLoopBackOff", "ErrImagePull", "CreateContainerConfigError"]) | WORDS, message=WORDS),
    running=some(startedAt=TIMES),
    terminated=some(exitCode=COUNTS | st.sampled_from([3, 137]), reason=WORDS, message=WORDS, startedAt=TIMES, finishedAt=TIMES),
)
STATUSES = st.lists(some(name=NAMES, image=WORDS, restartCount=COUNTS, state=STATE, lastState=STATE, ready=st.booleans()), max_size=2)
CONTAINERS = st.lists(
    some(
        name=NAMES,
        image=WORDS,
        resources=some(requests=RESOURCES, limits=RESOURCES),
        env=st.lists(
            some(name=st.just("STEELYARD_SERVE_SPEC") | WORDS, value=WORDS | st.just('{"artifact":{"uri":1},"backend":[]}')), max_size=2
        ),
    ),
    min_size=1,
    max_size=2,
)


def metadata(called: str, labels: Manifest, owner: Manifest) -> st.SearchStrategy[Manifest]:
    """Of an object with our labels or others, that may name an owner of ours."""
    fixed = {"name": st.just(called), "namespace": st.just("shop"), "uid": st.just(f"u-{called}"), "creationTimestamp": TIMES}
    return st.fixed_dictionaries(
        fixed,
        optional={
            "labels": st.just(labels)
            | st.dictionaries(st.sampled_from(sorted(labels)), st.text("ab-", max_size=63), max_size=5)
            | st.none(),
            "annotations": st.dictionaries(st.sampled_from(["steelyard.dev/asked", "steelyard.dev/artifact-digest"]), WORDS, max_size=2)
            | st.none(),
            "ownerReferences": st.just([owner])
            | st.lists(some(kind=WORDS, name=NAMES, uid=WORDS, controller=st.booleans()), max_size=2)
            | st.none(),
            "deletionTimestamp": TIMES,
            "generation": st.integers(0, 2**63 - 1),
        },
    )


REPLICA_SET = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "chat-gpu-0a1b2c3d-h", "uid": "u-rs", "controller": True}
SERVING = {**LABELS, "steelyard.dev/role": "serving", "pod-template-hash": "h"}
PODS = st.fixed_dictionaries(
    {"metadata": metadata("pod", SERVING, REPLICA_SET)},
    optional={
        "spec": some(
            nodeName=st.sampled_from(["node", "elsewhere", ""]),
            containers=CONTAINERS,
            volumes=st.lists(
                some(
                    name=NAMES,
                    secret=some(secretName=NAMES),
                    persistentVolumeClaim=some(claimName=NAMES),
                ),
                max_size=2,
            ),
        ),
        "status": some(
            phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]) | WORDS,
            reason=WORDS,
            podIP=st.sampled_from(["10.0.0.1", "::1", "", "nowhere", "10.0.0.1%eth0"]),
            conditions=CONDITIONS,
            containerStatuses=STATUSES,
            initContainerStatuses=STATUSES,
        ),
    },
)
NODES = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": st.just("node"), "uid": st.just("u-node"), "creationTimestamp": TIMES},
            optional={
                "labels": st.just({"pool": "gpu", "node.kubernetes.io/instance-type": "m"})
                | st.dictionaries(WORDS, WORDS, max_size=3)
                | st.none()
            },
        )
    },
    optional={"spec": some(providerID=WORDS), "status": some(conditions=CONDITIONS, allocatable=RESOURCES, capacity=RESOURCES)},
)
COMPILED = {"kind": "CompiledModel", "name": "openvino-0", "uid": "u-compiled", "controller": True}
COMPILING = {"app.kubernetes.io/managed-by": "steelyard", "steelyard.dev/role": "compile", "steelyard.dev/compiled-model": "openvino-0"}
JOBS = st.fixed_dictionaries(
    {"metadata": metadata("openvino-0-1", COMPILING, COMPILED)},
    optional={"status": some(conditions=CONDITIONS, startTime=TIMES, active=COUNTS, failed=COUNTS)},
)
COMPILE_WORDS = st.sampled_from(
    [
        '{"result":"Succeeded","artifact":{}}',
        '{"result":"Succeeded","artifact":{"uri":"u","digest":"sha256:' + "0" * 64 + '","sizeBytes":NaN},"seconds":NaN}',
        '{"result":"Failed","class":[],"reason":{},"message":7,"logTail":null}',
        '{"result":"Failed","class":"User"',
        "NaN",
        "[]",
        "[" * 4096,
    ]
)
JOB = {"kind": "Job", "name": "openvino-0-1", "uid": "u-openvino-0-1", "controller": True}
COMPILE_PODS = st.fixed_dictionaries(
    {"metadata": metadata("compile-pod", COMPILING, JOB)},
    optional={
        "spec": some(nodeName=st.just("node"), containers=CONTAINERS),
        "status": some(
            phase=st.sampled_from(["Pending", "Running", "Failed"]),
            podIP=st.just("10.0.0.2"),
            conditions=CONDITIONS,
            containerStatuses=st.lists(some(state=some(terminated=some(exitCode=COUNTS, message=COMPILE_WORDS | WORDS))), max_size=1)
            | STATUSES,
        ),
    },
)
PROBE_JOB = probe_job(WorkloadKey("shop", "chat"), PlacementKey("gpu", "0a1b2c3d"), "m")
PROBING = {**LABELS, "steelyard.dev/role": "probe", "steelyard.dev/move": "m"}
OF_WORKLOAD = {"kind": "InferenceWorkload", "name": "chat", "uid": "u-shop", "controller": True}
PROBE = {"kind": "Job", "name": PROBE_JOB, "uid": "u-probe", "controller": True}
PROBE_JOBS = st.fixed_dictionaries(
    {"metadata": metadata(PROBE_JOB, PROBING, OF_WORKLOAD)},
    optional={"spec": some(activeDeadlineSeconds=COUNTS), "status": some(conditions=CONDITIONS, startTime=TIMES, active=COUNTS)},
)
FIGURES = st.sampled_from(["1", "0", "-1", "1e400", "NaN", "true", "null", '"1"', "[]", "{}", "9007199254740993", "1e-300", "2.5"])
PROBE_STEPS = st.lists(
    st.lists(st.tuples(st.sampled_from(["rate", "seconds", "good", "slow", "error", "shed", "p99"]), FIGURES), max_size=9).map(
        lambda pairs: "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
    ),
    max_size=3,
).map(lambda steps: f"[{','.join(steps)}]")
PROBE_WORDS = st.one_of(
    st.builds('{{"result":"Probed","readySeconds":{},"steps":{},"message":{}}}'.format, FIGURES, PROBE_STEPS | FIGURES, FIGURES),
    st.sampled_from(['{"result":"Failed","message":[7]}', '{"result":["Probed"]}', '{"result":"Probed","steps":' + "[" * 4000]),
    st.builds('{{"result":"Probed","readySeconds":0,"steps":[{}]}}'.format, st.just(",".join(["{}"] * 1000))),
)
PROBE_PODS = st.fixed_dictionaries(
    {"metadata": metadata("probe-pod", PROBING, PROBE)},
    optional={
        "spec": some(nodeName=st.just("node"), initContainers=CONTAINERS, containers=CONTAINERS),
        "status": some(
            phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
            conditions=CONDITIONS,
            initContainerStatuses=STATUSES,
            containerStatuses=st.lists(
                some(state=some(terminated=some(exitCode=COUNTS, startedAt=TIMES, message=PROBE_WORDS | WORDS))), max_size=1
            )
            | STATUSES,
        ),
    },
)
TRIAL_JOB = trial_job("asked", "gpu")
TRYING = {**LABELS, "steelyard.dev/role": "probe", "steelyard.dev/trial": "asked"}
OF_TRIAL = {"kind": "AcceleratorTrial", "name": "asked", "uid": "u-asked", "controller": True}
TRIAL_JOB_OF_POD = {"kind": "Job", "name": TRIAL_JOB, "uid": "u-trying", "controller": True}
TRIAL_JOBS = st.fixed_dictionaries(
    {"metadata": metadata(TRIAL_JOB, TRYING, OF_TRIAL)},
    optional={"spec": some(activeDeadlineSeconds=COUNTS), "status": some(conditions=CONDITIONS, startTime=TIMES, active=COUNTS)},
)
LENGTH_RAMPS = st.builds(
    '[{{"factor":{0},"steps":[[{1},{2},{3},{4},0,{5},null]],"finished":[{6}],"over":true}},{7}]'.format,
    *[FIGURES] * 8,
)
TRIAL_WORDS = st.builds(
    '{{"result":"Probed","readySeconds":{0},"began":{1},"steps":{2},"steady":{3},"lengths":{4}}}'.format,
    FIGURES,
    FIGURES,
    PROBE_STEPS,
    PROBE_STEPS | FIGURES,
    LENGTH_RAMPS | PROBE_STEPS | FIGURES,
)
TRIAL_PODS = st.fixed_dictionaries(
    {"metadata": metadata("trial-pod", TRYING, TRIAL_JOB_OF_POD)},
    optional={
        "spec": some(nodeName=st.just("node"), initContainers=CONTAINERS, containers=CONTAINERS),
        "status": some(
            phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
            podIP=WORDS,
            conditions=CONDITIONS,
            initContainerStatuses=STATUSES,
            containerStatuses=st.lists(
                some(state=some(terminated=some(exitCode=COUNTS, startedAt=TIMES, finishedAt=TIMES, message=TRIAL_WORDS | WORDS))),
                max_size=1,
            )
            | STATUSES,
        ),
    },
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | QUANTITIES | TIMES,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(WORDS, inside, max_size=3),
    max_leaves=4,
)
"""Beyond what the API server lets through: what versions of Kubernetes may do that are not known yet."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, but its name, namespace, uid and version: by these it is told apart from others."""
    found = []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if (*path, key) in IDENTITY:
            continue
        found += [(*path, key), *places(child, (*path, key))]
    return found


IDENTITY = {("metadata",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"), ("metadata", "resourceVersion")}


@st.composite
def damaged(draw: st.DrawFn, real: Manifest) -> Manifest:
    """A real object with a few values that are something else, or missing."""
    made = copy.deepcopy(real)
    for _ in range(draw(st.integers(1, 3))):
        where = places(made) + [p for key in ("labels", "ownerReferences", "creationTimestamp") if (p := ("metadata", key))]
        *path, last = draw(st.sampled_from(where))
        inside = made
        for step in path:
            inside = inside.get(step, {}) if isinstance(inside, dict) else inside[step]
        if isinstance(inside, dict) and last in inside and draw(st.booleans()):
            del inside[last]
        else:
            inside[last] = draw(ANYTHING)
    return made

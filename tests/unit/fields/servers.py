"""Pairs of specs of servers that are not Steelyard's own, by field: how one is run, and how its page is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.control.gather.workload_facts import workload_of
from steelyard.core.facts.server_page import ServerPage
from steelyard.observe.exposition import parse
from steelyard.observe.profiles import contract_at_gateway, contract_of, port_of
from unit.api.objects import GONE, changed
from unit.control.existing_stage import Stage
from unit.fields.asked_world import asked
from unit.fields.scene import MOVES, WORKLOAD, Pair, Scene, values
from unit.observe.pods import T0

IMAGE, OTHER = "example.com/a@sha256:" + "0" * 64, "example.com/b@sha256:" + "1" * 64
RUNS = {"image": IMAGE, "families": ["cpu"], "metrics": {"profile": "mlserver", "port": 9000}}
CUSTOM = Scene(workload={"model": GONE, "server": {"custom": RUNS}})
WITH_MODEL = replace(CUSTOM, workload={"server": {"custom": {**RUNS, "modelPath": "/models/a"}}})
VARIANT = {"family": "cpu", "args": ["--quick"]}
SECRET = {"name": "API_KEY", "secret": {"name": "serving", "key": "token"}}
SIZE = {"cpu": "2", "memory": "4Gi"}


def of_custom(*those: Any, at: str, scene: Scene = CUSTOM) -> Pair:
    return values(*those, at=f"server.custom.{at}", scene=scene)


def variants(*changes: dict[str, Any], of: Mapping[str, Any] = VARIANT) -> Pair:
    return of_custom(*([{**of, **each}] for each in changes), at="variants")


PROGRAMS: dict[str, Pair] = {
    "image": of_custom(IMAGE, OTHER, at="image"),
    "families[]": of_custom(["cpu"], ["nvidia"], at="families"),
    "command[]": of_custom(["serve"], ["run"], at="command"),
    "args[]": of_custom(["--quick"], ["--slow"], at="args"),
    "env[].name": of_custom([{"name": "A", "value": "1"}], [{"name": "B", "value": "1"}], at="env"),
    "env[].value": of_custom([{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}], at="env"),
    "env[].secret.name": of_custom([SECRET], [changed(SECRET, {"secret.name": "other"})], at="env"),
    "env[].secret.key": of_custom([SECRET], [changed(SECRET, {"secret.key": "other"})], at="env"),
    "port": of_custom(8080, 8000, at="port"),
    "modelPath": of_custom("/models/a", "/models/b", at="modelPath", scene=WITH_MODEL),
    "disk": of_custom("30Gi", "40Gi", at="disk"),
    "probes.livePath": of_custom("/live", "/health", at="probes.livePath"),
    "probes.readyPath": of_custom("/ready", "/health", at="probes.readyPath"),
    "probes.startupSeconds": of_custom(300, 600, at="probes.startupSeconds"),
    "drain.delaySeconds": of_custom(5, 10, at="drain.delaySeconds"),
    "drain.timeoutSeconds": of_custom(30, 60, at="drain.timeoutSeconds"),
    "latencyFrom": of_custom("Server", "Gateway", at="latencyFrom"),
    "variants[].family": variants({}, {"family": "nvidia"}),
    "variants[].image": variants({}, {"image": OTHER}),
    "variants[].command[]": variants({}, {"command": ["run"]}),
    "variants[].args[]": variants({}, {"args": ["--slow"]}),
    "variants[].env[].name": variants({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B", "value": "1"}]}),
    "variants[].env[].value": variants({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}),
    "variants[].env[].secret.name": variants({"env": [SECRET]}, {"env": [changed(SECRET, {"secret.name": "other"})]}),
    "variants[].env[].secret.key": variants({"env": [SECRET]}, {"env": [changed(SECRET, {"secret.key": "other"})]}),
    "variants[].resources.cpu": variants({"resources": SIZE}, {"resources": {**SIZE, "cpu": "3"}}),
    "variants[].resources.memory": variants({"resources": SIZE}, {"resources": {**SIZE, "memory": "5Gi"}}),
}

PROBED = replace(MOVES, workload={**CUSTOM.workload, "rebalancing.exploration.probe": "Always"})
"""It goes to the cheap pool, and a replica is asked there before."""

SAMPLES = {"name": ({"name": "a"}, {"name": "b"}), "key": ({"name": "a"}, {"name": "a", "key": "b"})}

BY_NAMES = {"requestCounter": "n_total", "latencyHistogram": "t"}
ERRORS, REFUSED = {"errorCounter": "bad_total"}, {"refusedCounter": "full_total"}
TOKENS = {"promptTokenCounter": "p_total", "outputTokenCounter": "o_total"}
A, B = ([{"name": "kind", "values": [value]}] for value in "ab")
BY_ZONE = [{"name": "zone", "values": ["a"]}]
PAGE = "".join(
    f'{name}{{kind="{kind}",zone="{zone}",code="{code}"}} {100 * number + 10 * at + code // 400}\n'
    for number, name in enumerate(("n_total", "m_total", "bad_total", "worse_total", "full_total", "fuller_total", "p_total", "q_total", "o_total", "r_total", "c_total", "d_total"), 1)
    for at, (kind, zone) in enumerate((("a", "a"), ("b", "a"), ("a", "b")), 1)
    for code in (200, 500)
) + "".join(
    f'{name}_bucket{{kind="{kind}",zone="{zone}",le="{edge}"}} {count * (at + number)}\n'
    for number, name in enumerate(("t", "u"), 1)
    for at, (kind, zone) in enumerate((("a", "a"), ("b", "a"), ("a", "b")), 1)
    for edge, count in (("0.0002", 1), ("0.2", 2), ("200.0", 3), ("+Inf", 4))
)  # fmt: skip
"""Of no server: each name, and each series of it, has another figure."""


def names(*changes: dict[str, Any], beside: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
    return tuple({"names": {**BY_NAMES, **(beside or {}), **each}, "port": 9000} for each in changes)


PAGES: dict[str, tuple[tuple[Any, ...], str]] = {
    "profile": (({"profile": "vllm", "port": 9000}, {"profile": "mlserver", "port": 9000}), "e2e"),
    "port": (({"profile": "vllm", "port": 9000}, {"profile": "vllm", "port": 9001}), "e2e"),
    "path": (({"profile": "vllm", "port": 9000, "path": "/stats"}, {"profile": "vllm", "port": 9000}), "e2e"),
    "names.requestCounter": (names({}, {"requestCounter": "m_total"}), "e2e"),
    "names.requestLabels[].name": (names({"requestLabels": A}, {"requestLabels": BY_ZONE}), "e2e"),
    "names.requestLabels[].values[]": (names({"requestLabels": A}, {"requestLabels": B}), "e2e"),
    "names.statusLabel": (names({}, {"statusLabel": "code"}), "e2e"),
    "names.errorCounter": (names(ERRORS, {"errorCounter": "worse_total"}), "e2e"),
    "names.errorLabels[].name": (names({"errorLabels": A}, {"errorLabels": BY_ZONE}, beside=ERRORS), "e2e"),
    "names.errorLabels[].values[]": (names({"errorLabels": A}, {"errorLabels": B}, beside=ERRORS), "e2e"),
    "names.refusedCounter": (names(REFUSED, {"refusedCounter": "fuller_total"}), "e2e"),
    "names.refusedLabels[].name": (names({"refusedLabels": A}, {"refusedLabels": BY_ZONE}, beside=REFUSED), "e2e"),
    "names.refusedLabels[].values[]": (names({"refusedLabels": A}, {"refusedLabels": B}, beside=REFUSED), "e2e"),
    "names.latencyHistogram": (names({}, {"latencyHistogram": "u"}), "e2e"),
    "names.firstTokenHistogram": (names({"firstTokenHistogram": "t"}, {"firstTokenHistogram": "u"}), "ttft"),
    "names.tokenGapHistogram": (names({"tokenGapHistogram": "t"}, {"tokenGapHistogram": "u"}), "itl"),
    "names.histogramLabels[].name": (names({"histogramLabels": A}, {"histogramLabels": BY_ZONE}), "e2e"),
    "names.histogramLabels[].values[]": (names({"histogramLabels": A}, {"histogramLabels": B}), "e2e"),
    "names.labels[].name": (names({"labels": A}, {"labels": BY_ZONE}), "e2e"),
    "names.labels[].values[]": (names({"labels": A}, {"labels": B}), "e2e"),
    "names.unit": (names({"unit": "Seconds"}, {"unit": "Milliseconds"}), "e2e"),
    "names.promptTokenCounter": (names(TOKENS, {**TOKENS, "promptTokenCounter": "q_total"}), "e2e"),
    "names.outputTokenCounter": (names(TOKENS, {**TOKENS, "outputTokenCounter": "r_total"}), "e2e"),
    "names.cachedTokenCounter": (names({"cachedTokenCounter": "c_total"}, {"cachedTokenCounter": "d_total"}, beside=TOKENS), "e2e"),
}
"""Two ways to say where metrics are, and the promise that they are read for."""
SERVERS = {
    **{f"server.custom.{name}": pair for name, pair in PROGRAMS.items()},
    **{f"server.{kind}.metrics.{name}": values(*pair) for kind in ("custom", "existing") for name, (pair, _) in PAGES.items()},
    **{f"traffic.samples.configMap.{name}": values(*of, scene=PROBED, at="traffic.samples.configMap") for name, of in SAMPLES.items()},
    "server.existing.kind": values("Deployment", "StatefulSet"),
    "server.existing.name": values("chat", "other"),
}


def play(name: str, pair: Pair, changes: Mapping[str, Any]) -> Iterator[str]:
    """What is read of PAGE, or asked for of the API server, or made of the program."""
    if name.startswith("traffic."):
        return pair.scene.play(changes)
    (value,) = changes.values()
    kind, _, field = name.removeprefix("server.").partition(".")
    if field.startswith("metrics."):
        return _read(kind, {"metrics": value}, PAGES[field.removeprefix("metrics.")][1])
    if field == "latencyFrom":
        return _read(kind, {"latencyFrom": value, "metrics": {"names": BY_NAMES, "port": 9000}}, "e2e")
    return _asked_for(field, value) if kind == "existing" else pair.scene.play(changes)


def _read(kind: str, changes: Mapping[str, Any], metric: str) -> Iterator[str]:
    server = {"existing": {"name": "chat"}, "custom": RUNS}[kind]
    latency = [{"metric": metric, "milliseconds": 200, "percent": "99"}]
    made = {"model": GONE, "server": {kind: {**server, **changes}}, "objective.latency": latency, "rebalancing": {}}
    spec = changed(WORKLOAD, {**made, "traffic": {"parentRefs": [{"name": "models"}]}} if "latencyFrom" in changes else made)
    raw = asked("InferenceWorkload", "embed", spec, namespace="ns")
    workload = workload_of(InferenceWorkload.model_validate(raw), raw)
    given = workload.existing or workload.custom
    assert given is not None
    page: ServerPage = given.page
    contract = contract_at_gateway(page) or contract_of(page)
    yield f"{port_of(page)} {contract.path}"
    yield repr(contract.wanted if page.names is None or page.at_gateway else contract.sample(parse(PAGE.encode(), contract.wanted), T0, 0))


def _asked_for(field: str, value: str) -> Iterator[str]:
    stage = Stage()
    stage.workload(**{field: value})
    asyncio.run(stage.look())
    yield repr(stage.asked)

"""One policy after the other on one cluster: fresh namespaces, the same servers, the same client."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.benchmark import Say
from bench.living import hour, hpa, kthena
from bench.living.judge import Judged, began, carried, judged
from e2e.client import SEED
from e2e.ground import Ground
from e2e.lifetimes import Lifetimes
from e2e.tenant import Tenant
from processors import Jiffies
from steelyard.api.rebalancing import Rebalancing
from steelyard_runtime.load.schedule import Step

Manifest = dict[str, Any]
FACTOR = 1.5
"""From one step of the first ramp by which a replica is measured to the next."""
FIRST = tuple(Step(4.0 * FACTOR**n, 15.0) for n in range(10))
"""From less than a replica carries on a slow machine to far more than on a fast one; each step has so many requests that one of them may be late."""
FINE, FINE_SECONDS = 6, 12.0
"""Steps of the second ramp, between the last rate that the first kept and the one that broke it."""
QUIET = Step(1.0, 20.0)
"""Before a ramp, in which a server warms up, or answers what the last ramp had left waiting."""
OVER_SECONDS = 5
"""From the last request until its answer."""
GONE_SECONDS = 180.0
PERCENT = str(hour.PERCENT)


@dataclass(frozen=True, slots=True)
class Stage:
    """A cluster with the model's artifact, and what a replica carries, in requests per second. deployment: of the server. prometheus: its address."""

    ground: Ground
    folder: Path
    carried: float
    deployment: Manifest
    prometheus: str
    say: Say

    @classmethod
    @contextmanager
    def laid(cls, folder: Path, say: Say, *, quick: bool) -> Iterator[Stage]:
        """Compile the model, measure one replica by a ramp, and have HPAs read the load."""
        with Ground.laid("live", operator=False, flags=hpa.FLAGS) as ground:
            say("the cluster stands")
            with Tenant(ground, _made(folder / "first")) as tenant:
                _pools(tenant, hour.DEAR)
                tenant.start_operator()
                tenant.apply(most=1, objective=_objective(PERCENT), mode="Observe")
                tenant.until_serving()
                (deployment,) = tenant.listed("apis/apps/v1", "deployments")
                found = _measured(tenant, folder, quick=quick)
            _until_gone(tenant)
            say(f"a replica carries {found:g} requests/s within the promise")
            prometheus = hpa.serve_metrics(ground.cluster, found, hour.LIMIT)
            yield cls(ground, folder, found, deployment, prometheus, say)

    def play(self, name: str, begin: Callable[[Stage, Tenant], None], *, quick: bool) -> Judged:
        """What one policy paid and missed. begin: has its workload placed."""
        load, folder = hour.load(self.carried, quick=quick), _made(self.folder / name.replace(" ", "-"))
        with Tenant(self.ground, folder) as tenant:
            with Lifetimes(self.ground.cluster, tenant.namespace, folder / "held.json", selector=hpa.POOL) as lifetimes:
                begin(self, tenant)
                tenant.until(f"{hour.LEAST} replicas to serve", lambda: len(tenant.ready()) >= hour.LEAST, 300)
                jiffies = Jiffies.now()
                log = _asked(tenant, load.steps, folder)
                idle, busy = Jiffies.now().idle_since(jiffies), os.getloadavg()[1]
                types = tenant.instance_types()
                pods = [pod for pod in lifetimes.pods(types) if pod["instanceType"]]
                pools = tenant.pools()
            (folder / "judged.json").write_text(json.dumps({"pods": pods, "pools": pools}, indent=1))
            found = _judged(log, pods, pools, load)
        _until_gone(tenant)
        self.say(f"{name}: {found}")
        self.say(f"{name}: the processors were idle for {idle:.0%}, the load average was {busy:.1f}; evidence in {folder}")
        return found


def steelyard(stage: Stage, tenant: Tenant, percent: str = PERCENT) -> None:
    """The operator, which is told prices and the limit, and nothing of what a replica carries. percent: of the answers, which are promised in time."""
    stage.ground.give_artifacts(tenant.namespace)
    _pools(tenant, hour.CHEAP, hour.DEAR)
    cheap, dear = tenant.pools()
    tenant.start_operator()
    tenant.apply(
        replicas=hour.LEAST,
        most=hour.MOST,
        objective=_objective(percent),
        placement={"pools": [{"name": cheap, "maxReplicas": hour.LIMIT}, {"name": dear}]},
        **rebalancing(),
    )
    tenant.until_serving(hour.LEAST)


def _objective(percent: str) -> Manifest:
    return {"latency": [{"metric": "e2e", "milliseconds": hour.MILLISECONDS, "percent": percent}]}


def rebalancing() -> dict[str, Any]:
    """The defaults, and every time of them at the pace of the trace."""
    given = Rebalancing().to_raw()
    exploration = given["exploration"]
    paced = {name: round(value / hour.TIMES) for name, value in given.items() if name.endswith("Seconds")}
    within = {name: round(value / hour.TIMES) for name, value in exploration.items() if name.endswith("Seconds")}
    return {**given, **paced, "mode": "Auto", "exploration": {**exploration, **within}}


def hpa_on_one_pool(stage: Stage, tenant: Tenant, target: float = hpa.TARGET) -> None:
    """On the pool that has no limit. target: of a replica, in what it carries."""
    _autoscaled(stage, tenant, target, (hpa.Hpa(hour.DEAR, hpa.ALL, hour.LEAST, hour.MOST),))


def hpa_cheap_first(stage: Stage, tenant: Tenant, target: float = hpa.TARGET) -> None:
    """Two of them: the dear pool's begins where the cheap one is at its limit. target: of a replica, in what it carries."""
    rest = hpa.Hpa(hour.DEAR, hpa.beyond(target), 0, hour.MOST - hour.LIMIT)
    _autoscaled(stage, tenant, target, (hpa.Hpa(hour.CHEAP, hpa.ALL, hour.LEAST, hour.LIMIT), rest))


def kthena_optimizes(stage: Stage, tenant: Tenant, target: float = hpa.TARGET) -> None:
    """Both pools under one AutoscalingPolicy with their costs. target: of a replica, in what it carries."""
    kthena.start(stage.ground.cluster)
    words = (hour.CHEAP, hour.DEAR)
    _pools(tenant, *words)
    named = dict(zip(words, tenant.pools(), strict=True))
    made = kthena.objects(tenant.namespace, stage.deployment, named, target * stage.carried, stage.prometheus)
    stage.ground.cluster.apply(yaml.safe_dump_all(made))


def _autoscaled(stage: Stage, tenant: Tenant, target: float, hpas: Sequence[hpa.Hpa]) -> None:
    words = [each.pool for each in hpas]
    _pools(tenant, *words)
    named = dict(zip(words, tenant.pools(), strict=True))
    made = hpa.objects(tenant.namespace, stage.deployment, named, tuple(hpas), target * stage.carried)
    stage.ground.cluster.apply(yaml.safe_dump_all(made))


def _measured(tenant: Tenant, folder: Path, *, quick: bool) -> float:
    """Requests per second that the one replica carries within the promise: to a half, and then, unless quick, to a fourteenth. Raises ValueError where it
    is out of reach."""

    def ramped(ramp: Sequence[Step], called: str) -> float:
        log = _asked(tenant, (QUIET, *ramp), _made(folder / called))
        return carried(log, ramp, began(log, (QUIET, *ramp), SEED) + QUIET.seconds, hour.PERCENT)

    kept = ramped(FIRST, "first-ramp")
    if kept in {0.0, FIRST[-1].rate}:
        raise ValueError(f"a replica carries {'more' if kept else 'less'} than the ramp asks for: choose another CPU share")
    return kept if quick else max(kept, ramped([Step(kept * FACTOR ** (n / FINE), FINE_SECONDS) for n in range(FINE)], "second-ramp"))


def _pools(tenant: Tenant, *words: str) -> None:
    for word in words:
        tenant.pool(word, hour.NODES[word], hour.BACKEND, hour.PRICES[word], resources=dict(hour.RESOURCES))


def _asked(tenant: Tenant, steps: Sequence[Step], folder: Path) -> list[Manifest]:
    """The whole log of a client that has sent this."""
    with tenant.client(hour.schedule(steps), "--slo-ms", str(hour.MILLISECONDS)) as client:
        client.go_on(sum(step.seconds for step in steps) + OVER_SECONDS)
    (folder / "client.json").write_text(json.dumps(client.entries()))
    return client.entries()


def _judged(log: Sequence[Manifest], pods: Sequence[Manifest], pools: dict[str, Manifest], load: hour.Hour) -> Judged:
    start = began(log, load.steps, SEED)
    return judged(log, pods, pools, start + load.warm_up, start + load.seconds, hour.TIMES)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _until_gone(tenant: Tenant) -> None:
    """Its servers hold no processor while the next policy is played."""
    deadline = time.monotonic() + GONE_SECONDS
    while tenant.serving():
        if time.monotonic() > deadline:
            raise TimeoutError(f"pods of {tenant.namespace} are still there after {GONE_SECONDS:.0f} s")
        time.sleep(1.0)

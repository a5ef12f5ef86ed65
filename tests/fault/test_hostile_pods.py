"""Fifty objects of a tenant's beside a healthy workload: they end no operator, slow nothing down, and the workload is sized as ever."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from cluster.fixtures import new_namespace
from fault.hostile import Tenant
from fault.meanwhile import meanwhile
from fault.move_run import SOON, MoveRun
from property.effort import THOROUGH
from stub.operator_process import OperatorProcess

pytestmark = pytest.mark.apiserver

BEFORE, BESIDE = 60, 600 if THOROUGH else 90
"""Seconds that are watched."""
MOST_MEMORY = 400 * 2**10
"""KiB of the operator's process."""
LEASE_SECONDS = 3.0
"""Between two renewals, which are meant to be 2.0 to 2.4 s apart."""
LATE = 0.05
"""Part of the renewals that may be later than this for what else the machine does. A loop that is blocked by what it reads is late each time."""
SLOWER = 0.9
"""Looks in a second, of those before: by number and not by the time that one takes, so that a busy machine is as busy on both sides."""


@dataclass
class Seen:
    """What was seen of an operator in a stretch of time."""

    looks: list[tuple[float, float]] = field(default_factory=list)
    """When how many had been made."""
    renewals: list[datetime] = field(default_factory=list)
    memory: int = 0

    @property
    def looks_a_second(self) -> float:
        (begun, first), *_, (ended, last) = self.looks
        return (last - first) / (ended - begun)

    @property
    def gaps(self) -> list[float]:
        return [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(self.renewals)]


def watched(run: MoveRun, operator: OperatorProcess, seconds: float) -> Seen:
    """Look four times a second."""
    seen, began = Seen(), time.monotonic()
    while time.monotonic() < began + seconds:
        assert operator.running, "no restart was needed"
        lease = run.cluster.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{run.namespace}/leases/steelyard") or {}
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
        if not seen.renewals or seen.renewals[-1] != renewed:
            seen.renewals.append(renewed)
        count = next(
            float(line.split()[-1]) for line in operator.metrics().splitlines() if line.startswith("steelyard_decision_cycle_seconds_count")
        )
        if not seen.looks or seen.looks[-1][1] != count:
            seen.looks.append((time.monotonic(), count))
        assert operator.process is not None
        status = Path(f"/proc/{operator.process.pid}/status").read_text()
        seen.memory = max(seen.memory, next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")))
        time.sleep(0.25)
    return seen


@meanwhile
def test_fifty_hostile_objects_end_no_operator_and_the_workload_beside_them_is_decided_as_often_as_before(a_move):
    run = a_move(small=True)
    with new_namespace(run.cluster, "evil") as evil, Tenant(run.cluster, evil, f"node-{run.dear}", run.dear) as tenant:
        operator = run.start_operator(watchNamespaces=[run.namespace, evil])
        tenant.settle()
        run.apply(mode="Observe")
        run.until_serving()
        before = watched(run, operator, BEFORE)
        tenant.attack()
        assert tenant.made == 50
        beside = watched(run, operator, BESIDE)
        assert beside.memory < MOST_MEMORY
        late = [gap for gap in beside.gaps if gap > LEASE_SECONDS]
        assert len(late) <= LATE * len(beside.gaps), f"renewals were {late} s apart; {max(before.gaps)} s before"
        assert beside.looks_a_second >= SLOWER * before.looks_a_second, (beside.looks_a_second, before.looks_a_second)
        refused = [line for line in operator.metrics().splitlines() if line.startswith("steelyard_input_rejected_total")]
        reasons = {
            reason
            for reason in ("TooMany", "TooLarge", "Timeout", "Syntax", "Missing", "Infinite")
            if any(reason in line for line in refused)
        }
        assert reasons >= {"TooMany", "TooLarge", "Missing"}, "its pages were read"
        run.least(2)
        run.apply(mode="Observe")
        run.until("the second replica", lambda s: [p["readyReplicas"] for p in s.get("placements", ())] == [2], SOON)
        run.until("its figures", lambda _: run.condition("Observed").get("status") == "True", SOON)
        assert operator.running, "no restart was needed"
        assert len(run.operators) == 1
        assert run.world.lost == 0

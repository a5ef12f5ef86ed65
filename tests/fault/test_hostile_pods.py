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

BEFORE, BESIDE = 45, 600 if THOROUGH else 90
"""Seconds that are watched."""
MOST_MEMORY = 400 * 2**10
"""KiB of the operator's process."""
LEASE_SECONDS = 3.0
"""Between two renewals, which are meant to be 2.0 to 2.4 s apart."""
LATE = 0.05
"""Part of the renewals that may be later than this beyond those that are late without hostile objects: what else the machine does makes both
late, and a loop that is blocked by what it reads is late each time."""
SLOWER = 0.9
"""Looks in a second beside hostile objects, of those without, as a ratio to the same before there were any. Both runs are watched in the same
seconds: how busy the machine is makes no difference."""


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


def look(run: MoveRun, operator: OperatorProcess, seen: Seen) -> None:
    """What can be seen now."""
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


def watched(operators: dict[MoveRun, OperatorProcess], seconds: float) -> list[Seen]:
    """Look at all of them, four times a second."""
    seen, end = {run: Seen() for run in operators}, time.monotonic() + seconds
    while time.monotonic() < end:
        for run, operator in operators.items():
            look(run, operator, seen[run])
        time.sleep(0.25)
    return list(seen.values())


@meanwhile
def test_fifty_hostile_objects_end_no_operator_and_the_workload_beside_them_is_decided_as_often_as_before(a_move):
    run, calm = a_move(small=True), a_move(small=True)
    with new_namespace(run.cluster, "evil") as evil, Tenant(run.cluster, evil, f"node-{run.dear}", run.dear) as tenant:
        operator = run.start_operator(watchNamespaces=[run.namespace, evil])
        operators = {run: operator, calm: calm.start_operator()}
        tenant.settle()
        for each in operators:
            each.apply(mode="Observe")
        for each in operators:
            each.until_serving()
        before, calm_before = watched(operators, BEFORE)
        tenant.attack()
        assert tenant.made == 50
        beside, calm_then = watched(operators, BESIDE)
        assert beside.memory < MOST_MEMORY
        late, also = (sum(1 for gap in seen.gaps if gap > LEASE_SECONDS) for seen in (beside, calm_then))
        assert late <= also + LATE * len(beside.gaps), (
            f"{late} of {len(beside.gaps)} renewals were late, and {also} without hostile objects"
        )
        ratio = (beside.looks_a_second / calm_then.looks_a_second) / (before.looks_a_second / calm_before.looks_a_second)
        assert ratio >= SLOWER, f"{ratio:.2f} looks for each one without hostile objects"
        refused = [line for line in operator.metrics().splitlines() if line.startswith("steelyard_input_rejected_total")]
        reasons = {reason for reason in ("TooMany", "TooLarge", "Missing") if any(reason in line for line in refused)}
        assert reasons == {"TooMany", "TooLarge", "Missing"}, "its pages were read"
        run.least(2)
        run.apply(mode="Observe")
        run.until("the second replica", lambda s: [p["readyReplicas"] for p in s.get("placements", ())] == [2], SOON)
        run.until("its figures", lambda _: run.condition("Observed").get("status") == "True", SOON)
        assert operator.running, "no restart was needed"
        assert len(run.operators) == 1
        assert run.world.lost == 0

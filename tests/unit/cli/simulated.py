"""What a simulation and a replay may show: a move, verdicts, a pool that misses the promise, an unknown price, a difference."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from steelyard.cli.view.replay import ReplayedDecision, ReplayedDifference, ReplayView
from steelyard.cli.view.simulation import (
    PoolBill,
    PoolHours,
    PoolNodes,
    PoolReplicas,
    RunLine,
    RunTokens,
    SimulatedClaim,
    SimulatedEnd,
    SimulatedMove,
    SimulatedWorkload,
    SimulationView,
)

END = datetime(2026, 1, 7, tzinfo=UTC)
DECIDED = RunLine(
    pool=None,
    cost=Decimal("83.91"),
    unit_cost=Decimal("0.0325120"),
    booked_cost=Decimal("83.4"),
    node_cost=Decimal("184.2"),
    saving_percent=None,
    node_saving_percent=None,
    objective_met=True,
    offered=2_590_326,
    good=2_580_965,
    slow=9_200,
    shed=100,
    error=40,
    cut=3,
    unserved=0,
    in_flight=18,
    missed_percent=Decimal("0.361"),
    moves=2,
    held_minutes=Decimal(5),
    replica_hours=(PoolHours(pool="g5", hours=Decimal("2.5")), PoolHours(pool="inf2", hours=Decimal("67.9"))),
    tokens=None,
)
SIMULATED = SimulationView(
    now=END,
    seed=7,
    days=Decimal(2),
    currency="EUR",
    workloads=(
        SimulatedWorkload(
            name="search",
            objective_milliseconds=200,
            ttft_milliseconds=None,
            itl_milliseconds=None,
            allowed_percent=Decimal(1),
            decided=DECIDED,
            alone=(
                replace(
                    DECIDED, pool="g5", cost=Decimal(119), saving_percent=Decimal("29.487"), node_cost=Decimal(160), moves=0,
                    node_saving_percent=Decimal("-15.125"), missed_percent=Decimal("5.3"), objective_met=False, unserved=96_610,
                ),
                replace(DECIDED, pool="inf2", cost=None, unit_cost=None, node_cost=None, moves=0),
            ),
            moves=(
                SimulatedMove(time=END - timedelta(hours=30), from_pool="g5", to_pool="inf2", outcome="Moved", reason="Moved"),
                SimulatedMove(time=END - timedelta(hours=3), from_pool="inf2", to_pool="g5", outcome="RolledBack", reason="ViolatesSLO"),
            ),
            claims=(
                SimulatedClaim(
                    pool="inf2", name="half-the-cost", verdict="Refuted", claimed=Decimal("0.5"), measured=Decimal("0.91"), lower=Decimal("0.84"),
                    upper=Decimal("0.97"), n=2183,
                ),
                SimulatedClaim(pool="g5", name="fast", verdict="Inconclusive", claimed=Decimal(40), measured=None, lower=None, upper=None, n=0),
            ),
            ended=SimulatedEnd(
                replicas=(PoolReplicas(pool="g5", ready=1), PoolReplicas(pool="inf2", ready=12)), reason="AlreadyCheapest",
                message="pool inf2 is the cheapest of the 2 measured",
            ),
        ),
        SimulatedWorkload(
            name="chat", objective_milliseconds=None, ttft_milliseconds=800, itl_milliseconds=50, allowed_percent=Decimal(1), alone=(), moves=(),
            claims=(),
            decided=replace(
                DECIDED, cost=Decimal(20), unit_cost=Decimal("0.00774904"), node_cost=None, tokens=RunTokens(prompt=777_097_800, output=259_032_600, good_prompt=774_289_500, good_output=258_096_500),
            ),
            ended=SimulatedEnd(replicas=(PoolReplicas(pool="g5", ready=2),), reason="AlreadyCheapest", message="pool g5 is the only one"),
        ),
        SimulatedWorkload(
            name="idle", objective_milliseconds=100, ttft_milliseconds=None, itl_milliseconds=None, allowed_percent=Decimal("0.1"), alone=(), moves=(), claims=(),
            decided=replace(
                DECIDED, offered=0, good=0, slow=0, shed=0, error=0, cut=0, in_flight=0, cost=Decimal(0), unit_cost=None, node_cost=None,
                missed_percent=None, objective_met=None, replica_hours=(),
            ),
            ended=SimulatedEnd(replicas=(), reason="NoPool", message="no pool is selected"),
        ),
    ),
    node_hours=Decimal("70.6"),
    node_cost=Decimal("204.2"),
    node_starting_cost=Decimal("2.1"),
    node_empty_cost=Decimal("84.3"),
    bills=(
        PoolBill(pool="g5", node_hours=Decimal("48.2"), cost=Decimal("106.2"), shares=Decimal("22.5"), booked=Decimal("22.5")),
        PoolBill(pool="inf2", node_hours=Decimal("22.4"), cost=Decimal("98.0"), shares=Decimal("81.41"), booked=None),
    ),
    standing_nodes=(PoolNodes(pool="g5", nodes=3),),
    files=("out/decisions.jsonl", "out/timeline.csv", "out/search.svg"),
)  # fmt: skip


def _decision(line: int, *found: ReplayedDifference) -> ReplayedDecision:
    return ReplayedDecision(
        source=f"operator.log:{line}",
        time=END + timedelta(minutes=line),
        workload="shop/search",
        kind="InferenceWorkload",
        verdict="Stay",
        reason="AlreadyCheapest",
        message="pool inf2 is the cheapest of the 2 measured",
        digest=f"9d2c41aa07be5f{line:02}",
        identical=not found,
        differences=found,
    )


REPLAYED = ReplayView(
    now=END + timedelta(minutes=40),
    decisions=(
        *(_decision(line) for line in range(1, 40)),
        _decision(
            40,
            ReplayedDifference(where="reason", was='"PaybackTooLong"', found='"AlreadyCheapest"'),
            ReplayedDifference(where="memory.known[1].capacity.rate.point", was="16.66", found="16.71"),
        ),
    ),
    different=1,
)

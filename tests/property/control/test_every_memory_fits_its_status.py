"""No memory makes a status that the API server refuses: a refused status would hold back everything that the workload needs."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.core.economics.when_empty import CostBasis
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.exit_drill import Drill, DrillMemory, ExitProof
from steelyard.core.facts.floor import Floor
from steelyard.core.facts.identity import PlacementKey, TrialKey
from steelyard.core.facts.memory import (
    BoardLine,
    ClaimPrices,
    ClaimVerdict,
    Known,
    LastDecision,
    Memory,
    Move,
    MoveKind,
    OptionLine,
    Outcome,
    PastMove,
    Quarantine,
    Realised,
    Step,
    VerdictWord,
)
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.rises import STEPS, WITHIN, Rises
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import TokenCost, Unit, UnitCost
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.workload import status_of
from unit.api.objects import workload
from unit.core.world import START, Ground, World

CRD = yaml.safe_load((Path(__file__).parents[3] / "crds/steelyard.dev_inferenceworkloads.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
T = TypeVar("T")
MANY = 70
"""Entries of a list: more than any list of the schema has room for."""

POOLS = st.sampled_from(["a", "pool-7", "p" * 20])
REVISIONS = st.sampled_from(["00000000", "ffffffff"])
TEXTS = st.text(max_size=20) | st.sampled_from(["é" * 3000, ""])
WORDS = st.sampled_from([*Reason]).map(lambda reason: reason.value)
TIMES = st.just(START)
NUMBERS = st.floats() | st.sampled_from([1e15, -1e15, 999999999999.9999, 1234567.891, 1e-300, 0.0])
COUNTS = st.integers(0, 2**70)
REPLICAS = st.integers(0, 2**31 - 1)
INTERVALS = st.builds(Interval, NUMBERS, NUMBERS, NUMBERS)
TOKENS = st.none() | st.builds(TokenCost, INTERVALS, COUNTS)
COSTS = st.builds(UnitCost, INTERVALS, COUNTS, NUMBERS, TIMES, TIMES, st.none() | REPLICAS, TOKENS, TOKENS, st.none() | COUNTS)
UNITS = st.sampled_from(Unit)


def many(each: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """None, a few or too many; those that have a pool, each of another one."""

    def spread(drawn: list[Any], number: int) -> tuple[Any, ...]:
        several = [drawn[n % len(drawn)] for n in range(number)]
        return tuple(replace(one, pool=f"pool-{n}") if hasattr(one, "pool") else one for n, one in enumerate(several))

    return st.builds(spread, st.lists(each, min_size=1, max_size=4), st.sampled_from([0, 3, 9, 17, 25, 33, MANY]))


def whole(made: type[T], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Every field is drawn: one that a later version adds is to be drawn too."""
    assert fields.keys() == made.__dataclass_fields__.keys(), made
    return st.builds(made, **fields)


TRIALS = st.none() | st.builds(TrialKey, st.sampled_from(["asked", "t" * 253]), st.sampled_from(["u", "u" * 64]))
MOVES = whole(
    Move,
    id=st.just("20260301-120000-inf2-xlarge"),
    kind=st.sampled_from(MoveKind),
    source=st.builds(PlacementKey, POOLS, REVISIONS),
    target=st.builds(PlacementKey, POOLS, REVISIONS),
    step=st.sampled_from(Step),
    source_replicas=REPLICAS,
    target_replicas=REPLICAS,
    target_goal=REPLICAS,
    started=TIMES,
    step_time=TIMES,
    deadline=TIMES,
    reason=st.sampled_from(Reason),
    message=TEXTS,
    back_reason=st.none() | st.sampled_from(Reason),
    source_goal=REPLICAS,
    target_base=REPLICAS,
    reserved=st.none() | NUMBERS,
    trial=TRIALS,
    share=st.none() | st.sampled_from([0, 1, 5, 25, 50, 100]),
    asking=st.booleans(),
)
KNOWN = whole(
    Known,
    pool=POOLS,
    revision=REVISIONS,
    capacity=st.none() | st.builds(Capacity, INTERVALS, st.sampled_from(Basis), COUNTS),
    unit_cost=st.none() | COSTS,
    within=st.none() | NUMBERS,
    p50_milliseconds=st.none() | NUMBERS,
    p95_milliseconds=st.none() | NUMBERS,
    p99_milliseconds=st.none() | NUMBERS,
    steady=st.booleans(),
    floor=st.none() | whole(Floor, share=INTERVALS, most=NUMBERS, load=NUMBERS, n=COUNTS, at=TIMES),
    saturation=st.none() | whole(Saturation, rate=INTERVALS, n=COUNTS),
    start_seconds=st.none() | NUMBERS,
    probed=st.none() | TIMES,
    energy=st.none() | whole(UnitEnergy, each=INTERVALS, watts=INTERVALS, load=NUMBERS, n=COUNTS, estimated=st.booleans()),
    percentile=st.none() | whole(Percentile, milliseconds=INTERVALS, percent=NUMBERS, load=NUMBERS, n=COUNTS),
    tokens=st.none() | whole(PerRequest, input=st.none() | INTERVALS, output=st.none() | INTERVALS),
)
PAST = whole(
    PastMove,
    source_pool=POOLS,
    target_pool=POOLS,
    target_revision=REVISIONS,
    time=TIMES,
    outcome=st.sampled_from(Outcome),
    reason=WORDS,
    kind=st.none() | st.sampled_from(MoveKind),
    cost=st.none() | NUMBERS,
    cost_before=st.none() | INTERVALS,
    saved=st.none() | whole(Realised, money=INTERVALS, paid=NUMBERS, good=COUNTS, start=TIMES, end=TIMES),
    unit=UNITS,
    trial=TRIALS,
)
CLAIMS = whole(
    ClaimVerdict,
    pool=POOLS,
    name=st.sampled_from(["advertised", "c" * 63]),
    verdict=st.sampled_from(VerdictWord),
    n=COUNTS,
    claimed=NUMBERS,
    measured=st.none() | NUMBERS,
    lower=st.none() | NUMBERS,
    upper=st.none() | NUMBERS,
    message=TEXTS,
    reason=WORDS | st.just(""),
    relative_to=st.none() | POOLS,
    first_prices=whole(ClaimPrices, own=st.none() | NUMBERS, other=st.none() | NUMBERS),
    unit=UNITS,
)
OPTIONS = whole(
    OptionLine,
    pool=POOLS,
    feasible=st.booleans(),
    reason=WORDS,
    message=TEXTS,
    replicas=st.none() | REPLICAS,
    cost_per_hour=st.none() | NUMBERS,
    unit_cost=st.none() | NUMBERS,
    lower=st.none() | NUMBERS,
    upper=st.none() | NUMBERS,
    basis=st.none() | st.sampled_from(Basis),
    n=COUNTS,
    cheapest_below=st.none() | NUMBERS,
    cost_basis=st.none() | st.sampled_from(CostBasis),
    accuracy=st.none() | st.builds(Accuracy, st.sampled_from(Measure), st.floats(-1, 1)),
)
DECISIONS = whole(
    LastDecision,
    time=TIMES,
    verdict=st.sampled_from(["Place", "Wait", "Stay", "Hold", "Move", "Done"]),
    reason=WORDS,
    message=TEXTS,
    digest=st.just("0a1b2c3d4e5f6071"),
    board=many(whole(BoardLine, gate=WORDS, passed=st.booleans(), reason=WORDS, message=TEXTS)),
    options=many(OPTIONS),
    unit=UNITS,
)
FAMILIES = st.sampled_from(["cpu", "neuron-inf2", "f" * 32])
TRIALS = st.sampled_from(["w-exit-0a1b2c3d4e", "t" * 40])
DRILLS = whole(
    Drill,
    name=TRIALS,
    source=POOLS,
    target=POOLS,
    compares=st.booleans(),
    time=TIMES,
    duration_seconds=REPLICAS,
    seen=st.booleans(),
    began=st.booleans(),
    reason=WORDS | st.just(""),
    message=TEXTS,
    spent=st.none() | NUMBERS,
)
PROOFS = whole(
    ExitProof,
    source_family=FAMILIES,
    target_family=FAMILIES,
    source=POOLS,
    target=POOLS,
    trial=TRIALS,
    time=TIMES,
    within_seconds=COUNTS,
    compile_seconds=st.none() | COUNTS,
    replicas=st.none() | REPLICAS,
    cost=st.none() | INTERVALS,
    basis=st.none() | st.sampled_from(Basis),
)
EXITS = whole(
    DrillMemory,
    wanted=TIMES,
    reason=WORDS,
    message=TEXTS,
    family=st.none() | FAMILIES,
    next=st.none() | TIMES,
    last=st.none() | DRILLS,
    proofs=many(PROOFS),
)
RISES = whole(
    Rises,
    until=TIMES,
    requests=COUNTS,
    risen=st.tuples(*[st.tuples(*[COUNTS] * len(STEPS))] * len(WITHIN)),
)
MEMORIES = whole(
    Memory,
    allocation=st.integers(0, MANY).map(lambda number: tuple(PlacementKey(f"pool-{n}", "00000000") for n in range(number))),
    move=st.none() | MOVES,
    known=many(KNOWN),
    history=many(PAST),
    quarantine=many(whole(Quarantine, pool=POOLS, revision=REVISIONS, until=TIMES, failures=REPLICAS, reason=WORDS)),
    claims=many(CLAIMS),
    last=st.none() | DECISIONS,
    exit_drill=st.none() | EXITS,
    rises=st.none() | RISES,
)
DESIRED = st.builds(
    lambda number, replicas: {PlacementKey(f"pool-{MANY - n}", "00000000"): replicas for n in range(number)}, st.integers(0, MANY), REPLICAS
)
CONDITIONS = st.builds(
    lambda status, reason, text: tuple(Condition(kind, status, reason, text) for kind in ConditionType),
    st.none() | st.booleans(),
    st.sampled_from(Reason),
    TEXTS,
)

seen = World({"a": Ground(speed=10)})
DECIDED = seen.tick()
SNAPSHOT = seen.snapshot()


UNPAID = PastMove(
    source_pool="a",
    target_pool="b",
    target_revision="00000000",
    time=START,
    outcome=Outcome.MOVED,
    reason="Moved",
    saved=Realised(money=Interval(1.0, 0.5, 2.0), paid=math.nan, good=1, start=START, end=START),
)


@effort(60)
@given(MEMORIES, DESIRED, CONDITIONS)
@example(Memory(history=(UNPAID,)), {}, ())
def test_the_api_server_takes_the_status_of_any_memory(
    memory: Memory, desired: dict[PlacementKey, int], conditions: tuple[Condition, ...]
) -> None:
    decision = replace(DECIDED, memory=memory, desired=desired, conditions=conditions)
    status = status_of(decision, SNAPSHOT, {}, "w", START)
    jsonschema.Draft202012Validator(SCHEMA).validate(status)
    parsed = parse(InferenceWorkload, {**workload(), "status": status})
    assert isinstance(parsed, InferenceWorkload), parsed  # keys of lists are unique, and times are times


@effort(60)
@given(MEMORIES, DESIRED)
def test_what_is_there_or_wanted_is_told_before_what_is_only_known(memory: Memory, desired: dict[PlacementKey, int]) -> None:
    told = status_of(replace(DECIDED, memory=memory, desired=desired), SNAPSHOT, {}, "w", START)["placements"]
    there = {(key.pool, key.revision) for key in (*desired, *(p.key for p in SNAPSHOT.placements))}
    shown = {(p["pool"], p["revision"]) for p in told}
    assert shown >= there or shown < there, "one that is only known takes no place from one that is there"

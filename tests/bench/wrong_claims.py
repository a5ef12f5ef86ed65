"""Wrong claims, steps of price, slower software and loads around a break-even, against whoever trusts the claims: see ABOUT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.kept import resumed
from bench.wrong.cases import CASES, CROSSINGS, TIE, Case, Trust
from bench.wrong.play import Played, Schedule, following, play, unchanged
from steelyard.core.facts.memory import MoveKind, Outcome

ABOUT = """Wrong claims, price steps, slower software

Whole days of one workload in the simulator ([how](../how-to/simulate.md)), decided by the operator's own `decide` with the default policy
in mode Auto. Everything random is drawn from the seed. A node holds one replica. Servers take one request at a time and tell their busy
time, unless a case says otherwise.

The cases:

- *claims*: three pools whose speed and price vary at random by up to a factor of 2.8; every claimed throughput is off by a random factor
  between 0.5 and 2.
- *claims, KIND, busy time told* or *not told*: the same for a day, with servers of another kind, or that do not tell how busy they are, as
  vLLM on an accelerator does not. *batching* computes up to 16 requests together; *tokens* generates text by continuous batching with a
  limited memory. Their load is what as many replicas carry. There are two seeds of each, and in all of them the claims mislead: on the pool
  that is cheapest by them a request truly costs 1.15 times as much as on the cheapest, or more.
- *price steps*: AWS list prices of p4d, p5 and p5en before and after 2025-06-23 ([sources](../../tests/bench/data/wrong_claims/README.md)),
  with the step after one of three days; claims off as above.
- *pool 9 % slower*: two pools within 10 %; each becomes 9 % slower by itself for a day, one after the other, and recovers.
- *revision 9 % slower*: the same pools; a new revision is 9 % slower on one of them, and a later one repairs it.
- *load crossing*: claims are right; small replicas are cheaper at low load, a large one at high load; the load crosses the break-even every
  three hours, for seven days.
- *price crossing*: claims are right; the price of one of two equal pools steps between 0.85 and 1.15 of the other's every two hours, for
  seven days.
- *tie*: two equal pools, claims off as above.

The policies:

- `steelyard`: the operator's decisions.
- `claim-trusting`: always on the pool that is cheapest by the claims at the prices and the load of the moment, which it knows exactly; it
  moves at once, without a bake and without a cool-down.
- `static-first`: stays on the pool that the claims put it on at first.
- `best-single`: stays on the pool that turns out to be the cheapest.

All are sized by Steelyard's rule and meet the same requests.

- `oracle`: the sum over windows of the cost of the cheapest pool in that window when the workload is on it alone. It knows everything and
  moves for nothing. It bounds what the choice of pools can save under this rule of sizing, not the luck of sizing: capacity is learnt anew
  in each run, and one replica fewer for some hours makes regret negative.
- `floor`: less than any policy can pay: the time that the requests themselves take, at the cheapest price of the moment. What lies between
  is spare capacity for bursts and the waste of sizing.
- Regret is cost over oracle, less 1, with everything in it. `tried` is the money that replicas on trial cost; it is subtracted in the first
  target alone.
- `missed`: the share of requests that broke the objective (1 % may); `oracle_missed`: the same for the best single pool; `held`: the share
  of time in which an input held decisions.
- `moves_per_day` counts moves that were carried out or taken back, `trials_per_day` trials that ended without a move.
"""
COLUMNS = (
    "case", "seed", "policy", "regret", "moves_per_day", "trials_per_day", "cost", "oracle", "floor", "tried", "missed", "oracle_missed",
    "held", "ends_on", "claims",
)  # fmt: skip
OURS, TRUSTING = "steelyard", "claim-trusting"
REGRET, NOISE, FEW, MOVES, STILL = 0.08, 0.02, 0.2, 2.0, 0.95
"""Bars: mean regret; what counts as beaten, and in what part of the seeds; moves a day; ties without a move."""


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """A row for each case, seed and policy."""
    if quick:
        yield from _seed(CASES[0], 0, 0.2)
        return
    todo = [(place, seed) for place, case in enumerate(CASES) for seed in range(case.seeds)]
    yield from resumed("wrong_claims", _measured, todo, say, lambda each: f"{CASES[each[0]].name}, seed {each[1]}")


def _measured(todo: tuple[int, int]) -> Sequence[Row]:
    place, seed = todo
    return list(_seed(CASES[place], seed, CASES[place].days))


def _seed(case: Case, seed: int, days: float) -> Iterable[Row]:
    world = case.world(seed, days)
    ours = play(world, unchanged)
    if not case.compared:
        yield _row(case, seed, days, OURS, ours, None, None)
        return
    alone = {pool.name: play(world, following(_stay(pool.name))) for pool in world.pools}
    trust = Trust(world)
    first, _ = trust(0.0)
    single = min(alone, key=lambda pool: alone[pool].cost)
    oracle = float(np.min([played.costs for played in alone.values()], axis=0).sum())
    # Where neither prices nor load change what the claims say, who trusts them stays.
    wishes = {trust(at)[0] for at in np.arange(0.0, world.seconds, world.step_seconds)}
    trusting = alone[first] if len(wishes) == 1 else play(world, following(Trust(world)))
    for policy, played in {OURS: ours, TRUSTING: trusting, "static-first": alone[first], "best-single": alone[single]}.items():
        yield _row(case, seed, days, policy, played, oracle, alone[single].missed)


def _stay(pool: str) -> Schedule:
    return lambda _: (pool, 1)


def _row(case: Case, seed: int, days: float, policy: str, played: Played, oracle: float | None, missed: float | None) -> Row:
    moves = sum(n for (kind, outcome), n in played.ended.items() if kind is MoveKind.REBALANCE or outcome is Outcome.MOVED)
    return {
        "case": case.name,
        "seed": seed,
        "policy": policy,
        "regret": None if oracle is None else played.cost / oracle - 1,
        "moves_per_day": moves / days,
        "trials_per_day": (sum(played.ended.values()) - moves) / days,
        "cost": played.cost,
        "oracle": oracle,
        "floor": played.floor,
        "tried": played.tried,
        "missed": played.missed,
        "oracle_missed": missed,
        "held": played.held,
        "ends_on": played.ends_on,
        "claims": " ".join(f"{claim.pool}:{claim.verdict.value}" for claim in played.claims) if policy == OURS else "",
    }


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """Regret against the oracle and beside who trusts the claims; no flapping."""
    compared = [case.name for case in CASES if case.compared and _of(rows, case.name, OURS)]
    found = []
    for case in compared:
        ours, trusting = _of(rows, case, OURS), _of(rows, case, TRUSTING)
        mine, theirs = _mean(ours, "regret"), _mean(trusting, "regret")
        tried = float(np.mean([_number(row, "tried") / _number(row, "oracle") for row in ours]))
        found += [
            Bar(
                f"{case}: mean regret against the oracle <= {REGRET:.0%}, trials apart",
                f"{mine - tried:.1%}, and {tried:.1%} for trials; at most {max(_number(r, 'regret') for r in ours):.1%} of {len(ours)} seeds",
                mine - tried <= REGRET,
            ),
            Bar(f"{case}: no more regret than {TRUSTING}, trials included", f"{mine:.1%} beside {theirs:.1%}", mine <= theirs),
            Bar(
                f"{case}: no more than 1 % missed",
                f"{_mean(ours, 'missed'):.2%} beside {_mean(trusting, 'missed'):.2%}",
                _mean(ours, "missed") <= 0.01,
            ),
        ]
    pairs = list(zip((r for c in compared for r in _of(rows, c, OURS)), (r for c in compared for r in _of(rows, c, TRUSTING)), strict=True))
    beaten = [mine for mine, theirs in pairs if _number(mine, "regret") > _number(theirs, "regret") + NOISE]
    where = ", ".join(f"{r['case']} {r['seed']}" for r in beaten)
    found.append(
        Bar(
            f"{TRUSTING} costs over {NOISE:.0%} of the oracle less in at most {FEW:.0%} of the seeds",
            f"{len(beaten)} of {len(pairs)}" + (f": {where}" if beaten else ""),
            len(beaten) <= FEW * len(pairs),
        )
    )
    for case in CROSSINGS:
        most, peer = (max((_number(row, "moves_per_day") for row in _of(rows, case, p)), default=None) for p in (OURS, TRUSTING))
        if most is not None and peer is not None:
            found.append(Bar(f"{case}: at most {MOVES:g} moves a day", f"{most:.2g}; {TRUSTING}: {peer:.2g}", most <= MOVES))
    still = [_number(row, "moves_per_day") == 0 for row in _of(rows, TIE, OURS)]
    if still:
        found.append(Bar(f"tie: no move in {STILL:.0%} of the seeds", f"in {sum(still)} of {len(still)}", bool(np.mean(still) >= STILL)))
    return found


def _of(rows: Iterable[Row], case: str, policy: str) -> list[Row]:
    return [row for row in rows if row["case"] == case and row["policy"] == policy]


def _mean(rows: Sequence[Row], column: str) -> float:
    return float(np.mean([_number(row, column) for row in rows]))


def _number(row: Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, int | float)
    return float(value)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Regret by case and policy: each seed, and the mean."""
    axes = figure.subplots()
    cases = [case.name for case in CASES if case.compared and _of(rows, case.name, OURS)]
    for at, policy in enumerate((OURS, TRUSTING, "static-first", "best-single")):
        for place, case in enumerate(cases):
            regrets = [100 * _number(row, "regret") for row in _of(rows, case, policy)]
            x = place + 0.2 * (at - 1.5)
            axes.plot([x] * len(regrets), regrets, "o", color=f"C{at}", markersize=4, alpha=0.6, label=policy if place == 0 else None)
            axes.plot(x, float(np.mean(regrets)), "_", color=f"C{at}", markersize=16, markeredgewidth=2.5)
    axes.axhline(100 * REGRET, color="grey", linestyle="--", linewidth=0.8)
    axes.set_xticks(range(len(cases)), cases, fontsize=8)
    axes.set_yscale("symlog", linthresh=10)
    axes.set_yticks([0, 5, 10, 20, 50, 100, 200], ["0", "5", "10", "20", "50", "100", "200"])
    axes.set(ylabel="regret against the oracle, %", title="Cost above the oracle's: each seed, and the mean (line)")
    axes.legend()

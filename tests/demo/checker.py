"""The independent judge of a demo run. Imports nothing of Steelyard; runs as a process of its own: `python checker.py FOLDER`.

What should have come of it the checker works out by itself: the workload begins where the claim is, and ends where a unit costs least; it
has moved once if those are two pools, and never if they are one; and the claim's verdict is what the costs make of it.

FOLDER holds what others wrote down: the client's own log of every request (client.jsonl), the pods as the API server showed them over
time (pods.json), the pools and the workload as they stand in the cluster (pools.json, workload.json), and the operator's counters
(counters.json). From the log, the pods' life times and the prices it computes what a unit costs on each pool, and says whether the operator
told the truth and acted on it. The unit is 1,000 good requests, or 1M output tokens of good requests where the objective says so.

A pod pays its share of its node's price: cores * 0.031611 + GiB * 0.004237 over the same of the node's shape (docs/explanation/unit-cost.md).
"""

import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

Raw = dict[str, Any]
Finding = tuple[bool, str]

CPU_WEIGHT, MEMORY_WEIGHT = 0.031611, 0.004237
COST_TOLERANCE = 0.05
GOOD_TOLERANCE = 0.02
LEAST_REQUESTS = 100
FACTORS = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9}


def number(text: object) -> float:
    """A Kubernetes quantity."""
    written = str(text)
    for suffix, factor in sorted(FACTORS.items(), key=lambda f: -len(f[0])):
        if written.endswith(suffix):
            return float(written[: -len(suffix)]) * factor
    return float(written)


def seconds(text: str) -> float:
    """RFC 3339 as seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def weight(cpu: object, memory: object) -> float:
    """What resources count for."""
    return number(cpu) * CPU_WEIGHT + number(memory) / 2**30 * MEMORY_WEIGHT


def hourly(pod: Raw, pools: dict[str, Raw]) -> float:
    """Money per hour of a pod."""
    shape = next(s for s in pools[pod["pool"]]["spec"]["shapes"] if s["instanceType"] == pod["instanceType"])
    return float(shape["pricePerHour"]) * weight(pod["cpu"], pod["memory"]) / weight(shape["cpu"], shape["memory"])


def overlap(pod: Raw, start: float, end: float) -> float:
    """Seconds that a pod lived within [start, end]."""
    born, died = pod["born"], pod["died"] if pod["died"] is not None else end
    return float(max(0.0, min(died, end) - max(born, start)))


def unit_cost(
    pool: str, start: float, end: float, log: list[Raw], pods: list[Raw], pools: dict[str, Raw], by_tokens: bool
) -> tuple[float | None, int]:
    """(cost of a unit, good requests or their tokens) of one pool between two moments."""
    names = {p["name"] for p in pods if p["pool"] == pool}
    good = [r for r in log if r["pod"] in names and r["outcome"] == "good" and start <= r["done"] <= end]
    n = sum(r["tokens"] for r in good) if by_tokens else len(good)
    cost = sum(hourly(p, pools) * overlap(p, start, end) / 3600 for p in pods if p["pool"] == pool)
    return ((1_000_000 if by_tokens else 1000) * cost / n if n else None), n


def most_cpu(pods: list[Raw]) -> float:
    """CPUs that pods asked for together, where that was most."""
    return max(
        (
            sum(number(p["cpu"]) for p in pods if p["born"] <= at and (p["died"] is None or at < p["died"]))
            for at in (p["born"] for p in pods)
        ),
        default=0.0,
    )


def check(folder: Path, expect: str | None) -> list[Finding]:
    """All findings: (passed, sentence)."""

    def read(name: str) -> Any:
        return json.loads((folder / name).read_text())

    lines = [json.loads(line) for line in (folder / "client.jsonl").read_text().splitlines() if line.startswith("{")]
    log = [r for r in lines if "summary" not in r and "level" not in r]  # the client's own messages have a level
    pods, pools, workload, counters = read("pods.json"), read("pools.json"), read("workload.json"), read("counters.json")
    pools = {p["metadata"]["name"]: p for p in pools}
    status = workload["status"]
    by_tokens = workload["spec"]["objective"].get("unit") == "OutputTokens"
    unit = "1M output tokens of good requests" if by_tokens else "1,000 good requests"
    by_pod = {p["name"]: p["pool"] for p in pods}
    findings: list[Finding] = []

    failed = [r for r in log if r["outcome"] not in {"good", "slow"}]
    findings.append((bool(log) and not failed, f"{len(log)} requests sent, {len(failed)} failed"))

    strangers = sum(1 for r in log if r["pod"] not in by_pod)
    findings.append((strangers == 0, f"{strangers} answers from pods that nobody saw"))
    completed = Counter(by_pod.get(r["pod"], "a stranger") for r in log if r["status"] == 200)
    good = Counter(by_pod.get(r["pod"], "a stranger") for r in log if r["outcome"] == "good")
    for pool in sorted(set(completed) | set(counters)):
        counted = counters.get(pool, {})
        answered = counted.get("good", 0) + counted.get("slow", 0)
        findings.append(
            (answered == completed[pool], f"{pool}: completed {completed[pool]} by the client, {answered} by the operator (must be equal)")
        )
        near = abs(counted.get("good", 0) - good[pool]) <= GOOD_TOLERANCE * max(1, good[pool])
        findings.append((near, f"{pool}: good {good[pool]} by the client, {counted.get('good', 0)} by the operator (within 2 %)"))

    if by_tokens:
        findings += tokens(log, by_pod, counters)

    mine: dict[str, float | None] = {}
    theirs: dict[str, float] = {}
    for place in status.get("placements", []):
        cost = place.get("unitCost")
        if not cost:
            continue
        pool = place["pool"]
        value, n = unit_cost(pool, seconds(cost["from"]), seconds(cost["to"]), log, pods, pools, by_tokens)
        told = cost.get("outputTokens", {}).get("value", "nan") if by_tokens else cost["value"]
        mine[pool], theirs[pool] = value, float(told)
        near = value is not None and abs(value - theirs[pool]) <= COST_TOLERANCE * value
        shown = "unknown" if value is None else f"{value:.5f}"
        findings.append(
            (
                near,
                f"{pool}: {unit} cost {shown} by the client's log (n = {n}), {theirs[pool]:.5f} by the operator (within 5 %)",
            )
        )
    peak, limit = most_cpu(pods), min(number(s["cpu"]) for p in pools.values() for s in p["spec"]["shapes"])
    findings.append((peak <= limit, f"serving pods together asked for {peak:g} CPUs at most; a node has {limit:g}"))
    findings.append((all(number(p["cpu"]) == number(p["cpuLimit"]) for p in pods), "every pod's CPU request equals its limit"))
    known = {p: value for p, value in mine.items() if value is not None}
    findings.append((len(known) == 2, f"both pools were measured: {', '.join(sorted(known)) or 'none'}"))
    if len(known) == 2:
        rank = sorted(known, key=lambda p: known[p])
        findings.append(
            (rank == sorted(rank, key=lambda p: theirs[p]), f"ranking by the client's log: {rank[0]} is cheaper than {rank[1]}")
        )
        ends = pool_of(status)
        findings.append((ends == rank[0], f"the workload ends on {ends}; the cheaper pool is {rank[0]}"))
        findings.append((expect is None or ends == expect, f"the workload was expected to end on {expect or 'either'}"))
        findings += story(known, rank[0], pods, pools, status)
    return findings


def tokens(log: list[Raw], by_pod: dict[str, str], counters: Raw) -> list[Finding]:
    """Output tokens, which the client has received one by one. An answer that was late by the client's clock alone may count as good."""
    findings: list[Finding] = []
    for pool in sorted({by_pod[r["pod"]] for r in log if r["pod"] in by_pod} | set(counters)):
        received = {of: sum(r["tokens"] for r in log if by_pod.get(r["pod"]) == pool and r["outcome"] == of) for of in ("good", "slow")}
        least, most, counted = received["good"], received["good"] + received["slow"], counters.get(pool, {}).get("output", 0)
        shown = f"{least}" if least == most else f"{least} to {most}"
        same = least <= counted <= most
        findings.append((same, f"{pool}: output tokens of good requests: {shown} by the client, {counted} by the operator (must be equal)"))
    return findings


def pool_of(status: Raw) -> str | None:
    """The pool that holds the load: outside of a move, where replicas are wanted."""
    return next((p["pool"] for p in status.get("placements") or () if p.get("desiredReplicas")), None)


def story(cost: dict[str, float], cheapest: str, pods: list[Raw], pools: dict[str, Raw], status: Raw) -> list[Finding]:
    """Begin where the claim is, move once or never, and the verdict that the costs ask for."""
    claims = [(name, c) for name, pool in sorted(pools.items()) for c in pool["spec"].get("claims", [])]
    if len(claims) != 1:
        return [(False, f"{len(claims)} claims; the story has one")]
    favoured, claim = claims[0]
    first = min(pods, key=lambda p: p["born"])["pool"]
    moves = [(m["from"], m["to"]) for m in status.get("history", []) if m["outcome"] == "Moved"]
    due = [] if favoured == cheapest else [(favoured, cheapest)]
    ratio, claimed = cost[favoured] / cost[claim["relativeTo"]], float(claim["ratio"])
    word = "Confirmed" if ratio <= claimed else "Refuted"
    told = [(c["pool"], c["verdict"], c["n"]) for c in status.get("claims", [])]
    right = len(told) == 1 and told[0][:2] == (favoured, word) and told[0][2] >= LEAST_REQUESTS
    said = "; ".join(f"{verdict} with n = {n}" for _, verdict, n in told) or "nothing"
    return [
        (first == favoured, f"the first pod ran on {first}; the claim is on {favoured}"),
        (moves == due, f"moves: {', '.join(f'{a} to {b}' for a, b in moves) or 'none'}"),
        (right, f"{favoured} costs {ratio:.2f} of {claim['relativeTo']}, {claimed:g} was claimed: {word}; the operator says {said}"),
    ]


def main() -> int:
    """Print every finding; exit 0 only if all passed."""
    folder = Path(sys.argv[1])
    expect = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] != "-" else None
    findings = check(folder, expect)
    for passed, sentence in findings:
        print(f"  {'ok  ' if passed else 'FAIL'}  {sentence}")
    return 0 if findings and all(passed for passed, _ in findings) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The independent judge of a trial in the demo. Imports nothing of Steelyard; runs as a process of its own: `python trial_checker.py FOLDER`.

FOLDER holds what others wrote down: the AcceleratorTrial (trial.json), the pods of its replicas with the last words of their generators
(trial_pods.json), its Jobs (trial_jobs.json), the pools (pools.json), the workload (workload.json), the client's own log of the users' requests meanwhile
(client.jsonl), the names of all pods that were ever behind a Service (behind_services.json), and the report (report.html, report.json).

From what each generator sent and what came of it, step by step, and from the prices of the nodes it works out what a replica carries, what a good
request costs, and what to say of the claim; and says whether the trial and its report tell the same.
"""

import json
import sys
from pathlib import Path
from typing import Any

Raw = dict[str, Any]
Finding = tuple[bool, str]
SYSTEM = 1.5
"""Times the part of a node that it asks for, that a replica is charged at most: a node keeps up to a third for its system."""
TOLERANCE = 0.1
"""By which a claim may be off and still hold."""
SECONDS_APART = 10.0
EXACT = 0.01
FACTORS = {"m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1e3, "M": 1e6, "G": 1e9}


def number(text: object) -> float:
    """A Kubernetes quantity."""
    written = str(text)
    for suffix, factor in sorted(FACTORS.items(), key=lambda f: -len(f[0])):
        if written.endswith(suffix):
            return float(written[: -len(suffix)]) * factor
    return float(written)


def told(pod: Raw) -> Raw:
    """The last word of its generator."""
    for each in pod["status"].get("containerStatuses", []):
        ended = (each.get("state") or {}).get("terminated") or {}
        if ended.get("message", "").startswith("{"):
            found: Raw = json.loads(ended["message"])
            return found
    return {}


def missed(step: Raw) -> float:
    """The part of its requests that missed the objective."""
    sent = step["good"] + step["slow"] + step["error"] + step["shed"]
    return 1 - float(step["good"]) / float(sent)


def bracket(steps: list[Raw], allowed: float) -> tuple[float, float]:
    """Requests per second: the highest load that kept the objective, and the lowest above it that broke it."""
    kept = max((s["rate"] for s in steps if missed(s) <= allowed), default=0.0)
    return kept, min((s["rate"] for s in steps if s["rate"] > kept and missed(s) > allowed), default=float("inf"))


def price(pool: Raw, pod: Raw) -> float:
    """Money an hour of the replica: the largest of its parts of a node's CPU and memory, at the node's price."""
    (shape,) = pool["spec"]["shapes"]
    asked = next(c for c in pod["spec"]["initContainers"] if c.get("restartPolicy") == "Always")["resources"]["requests"]
    part = max(number(asked["cpu"]) / number(shape["cpu"]), number(asked["memory"]) / number(shape["memory"]))
    hourly: float = float(shape["pricePerHour"]) * part
    return hourly


def check(folder: Path) -> list[Finding]:
    """All findings: (passed, sentence)."""

    def read(name: str) -> Any:
        return json.loads((folder / name).read_text())

    trial, pods, jobs, report = read("trial.json"), read("trial_pods.json"), read("trial_jobs.json"), read("report.json")
    pools = {p["metadata"]["name"]: p for p in read("pools.json")}
    status, rows = trial["status"], {row["pool"]: row for row in trial["status"]["pools"]}
    reason = status["conditions"][0]["reason"]
    if reason != "Decided" or any(row["phase"] != "Measured" for row in rows.values()):
        return [(False, f"the trial ended {reason}: {status['conditions'][0]['message']}")]
    promised = read("workload.json")["spec"]["objective"]["latency"]
    allowed = min(1 - float(each["percent"]) / 100 for each in promised)
    findings: list[Finding] = []
    middle: dict[str, float] = {}
    for pod in pods:
        pool, word = pod["metadata"]["labels"]["steelyard.dev/pool"], told(pod)
        row, each = rows[pool], price(pools[pool], pod)
        kept, broke = bracket(word.get("steps", []), allowed)
        lower, upper = float(row["capacityLower"]), float(row["capacityUpper"])
        findings.append(
            (
                0 < kept < broke < float("inf") and lower <= broke and kept <= upper,
                f"{pool}: the objective held at {kept:.3g} and broke at {broke:.3g} requests/s by its generator; {lower:.3g} to {upper:.3g} by the trial",
            )
        )
        hourly = float(row["pricePerHour"])
        findings.append(
            (
                each <= hourly * (1 + EXACT) and hourly <= SYSTEM * each,
                f"{pool}: a replica costs {each:.4f} an hour or a little more by its node's price, {hourly:.4f} by the trial",
            )
        )
        cost = hourly / 3.6 / float(row["capacityPerReplica"])
        unit = float(row["unitCost"]["value"])
        findings.append(
            (
                abs(cost - unit) <= EXACT * cost,
                f"{pool}: 1,000 good requests cost {cost:.5f} by price and capacity, {unit:.5f} by the trial",
            )
        )
        for step, shown in zip(sorted(word.get("steady", []), key=lambda each: each["load"]), row.get("steps", []), strict=True):
            sent = step["good"] + step["slow"] + step["error"] + step["shed"]
            same = sent == shown["requests"] and abs(100 * step["good"] / sent - float(shown["goodPercent"])) < EXACT
            findings.append(
                (same, f"{pool}: {sent} requests at {step['load']:.3g} requests/s of load, {step['good']} good; the same by the trial")
            )
        middle[pool] = hourly / (kept * broke) ** 0.5 if 0 < kept < broke < float("inf") else float("nan")
    began = [told(pod).get("began", 0.0) for pod in pods]
    findings.append((len(began) == 2 and abs(began[0] - began[1]) <= SECONDS_APART, f"both began within {abs(began[0] - began[-1]):.1f} s"))
    findings += money(status, jobs, rows, trial["spec"])
    findings += verdict(trial, middle)
    findings += reported(folder, report, status)
    strangers = {pod["metadata"]["name"] for pod in pods} & set(read("behind_services.json"))
    findings.append((not strangers, f"{len(strangers)} pods of the trial were behind a Service"))
    lines = [json.loads(line) for line in (folder / "client.jsonl").read_text().splitlines() if line.startswith("{")]
    log = [r for r in lines if "i" in r]
    failed = [r for r in log if r["outcome"] not in {"good", "slow"}]
    findings.append((bool(log) and not failed, f"users sent {len(log)} requests meanwhile, {len(failed)} failed"))
    return findings


def money(status: Raw, jobs: list[Raw], rows: dict[str, Raw], spec: Raw) -> list[Finding]:
    """What was set aside is what the Jobs may cost at most, and no more was spent."""
    most = sum(
        float(rows[job["metadata"]["labels"]["steelyard.dev/pool"]]["pricePerHour"]) * job["spec"]["activeDeadlineSeconds"] / 3600
        for job in jobs
    )
    reserved, spent, budget = float(status["reserved"]), float(status["spent"]), float(spec["budget"])
    return [
        (abs(reserved - most) <= 0.05 * most, f"its Jobs can cost {most:.4f} at most; {reserved:.4f} was reserved (two digits)"),
        (0 < spent <= reserved <= budget, f"{spent:.4f} spent of {reserved:.4f} reserved of {budget:.2f}"),
    ]


def verdict(trial: Raw, middle: dict[str, float]) -> list[Finding]:
    """What the steps of both generators make of the claim."""
    (claim,), (said,) = trial["spec"]["claims"], trial["status"]["claims"]
    ratio, claimed = middle[claim["pool"]] / middle[claim["relativeTo"]], float(claim["ratio"])
    word = "Confirmed" if ratio <= claimed * (1 + TOLERANCE) else "Refuted"
    within = float(said["lower"]) <= ratio * (1 + TOLERANCE) and ratio * (1 - TOLERANCE) <= float(said["upper"])
    return [
        (
            said["verdict"] == word and within,
            f"{claim['pool']} costs {ratio:.2f} of {claim['relativeTo']} by both generators, {claimed:g} was claimed: {word}; "
            f"the trial says {said['verdict']}, {float(said['measured']):.2f} [{float(said['lower']):.2f}, {float(said['upper']):.2f}]",
        )
    ]


def reported(folder: Path, report: Raw, status: Raw) -> list[Finding]:
    """The page says the same, and needs nothing from elsewhere."""
    page, (said,) = (folder / "report.html").read_text(), status["claims"]
    shown = {row["pool"]: row for row in report["trial"]["pools"]}
    same = all(float(shown[row["pool"]]["capacity"]) == float(row["capacityPerReplica"]) for row in status["pools"])
    alone = "<script" not in page and "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page
    return [
        (same, "the report has the trial's capacities"),
        (said["verdict"] in report["title"] and report["title"] in page, f"the report begins: {report['title']}"),
        (alone and len(page) < 1_000_000, f"it is one file of {len(page) / 1000:.0f} kB that asks for nothing from elsewhere"),
    ]


def main() -> int:
    """Print every finding; exit 0 only if all passed."""
    findings = check(Path(sys.argv[1]))
    for passed, sentence in findings:
        print(f"  {'ok  ' if passed else 'FAIL'}  {sentence}")
    return 0 if findings and all(passed for passed, _ in findings) else 1


if __name__ == "__main__":
    sys.exit(main())

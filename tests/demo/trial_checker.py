"""The independent judge of a trial in the demo. Imports nothing of Steelyard; runs as a process of its own: `python trial_checker.py FOLDER`.

FOLDER holds what others wrote down: the AcceleratorTrial (trial.json), the pods of its replicas with the last words of their generators
(trial_pods.json), its Jobs (trial_jobs.json), the pools (pools.json), the workload (workload.json), the client's own log of the users' requests meanwhile
(client.jsonl), the names of all pods that were ever behind a Service (behind_services.json), the report (report.html, report.json), and what a real
browser showed of it (seen.json), where there was one.

From what each generator sent and what came of it, step by step, and from the prices of the nodes it works out what a replica carries, what a good
request costs, and what to say of the claim; and says whether the trial and its report tell the same.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
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
ROUNDED = 0.006
"""By which a figure of three digits may be off."""
SEEN = "seen.json"
"""What a browser showed of the report."""
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


@dataclass
class Own:
    """What the checker itself makes of one pool. `steps`: (load, sent, good) of each steady load."""

    kept: float
    broke: float
    cost: float
    hourly: float
    steps: list[tuple[float, int, int]]


@dataclass
class Cell:
    """Of a table, with its figures in order."""

    text: str = ""

    @property
    def figures(self) -> list[float]:
        """1,234 is one of them."""
        return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*\.?\d*", self.text)]


Rows = dict[tuple[str, float], list[Cell]]
"""Of a table, by pool and load."""


@dataclass
class Page:
    """What a reader sees: the first heading, and each table under the heading of its section, as rows of cells without the head. `browser`: what showed
    it, with the addresses that it `asked` for and the first that a screen reader says (`spoken`); None where no browser did."""

    first: str = ""
    tables: dict[str, list[list[Cell]]] = field(default_factory=dict)
    browser: str | None = None
    asked: list[str] = field(default_factory=list)
    spoken: str = ""


def opened(folder: Path) -> Page:
    """As the browser showed it; without one as the file has it."""
    seen = folder / SEEN
    if seen.exists():
        told = json.loads(seen.read_text())
        tables = {section: [[Cell(text) for text in row] for row in rows] for section, rows in told["tables"].items()}
        return Page(told["first"], tables, told["browser"], told["asked"], told["spoken"])
    parser = Parser()
    parser.feed((folder / "report.html").read_text())
    return Page(parser.first, parser.tables)


class Parser(HTMLParser):
    """What stands in the file of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.first = ""
        self.tables: dict[str, list[list[Cell]]] = {}
        self._open: list[str] = []
        self._section = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of HTML."""
        if tag != "meta":
            self._open.append(tag)
        if tag == "h2":
            self._section = ""
        if tag == "tbody":
            self.tables[self._section] = []
        if "tbody" in self._open and tag == "tr":
            self.tables[self._section].append([])
        if "tbody" in self._open and tag in {"th", "td"}:
            self.tables[self._section][-1].append(Cell())

    def handle_endtag(self, tag: str) -> None:
        """Of HTML."""
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Of HTML."""
        if "h1" in self._open:
            self.first += data
        elif "h2" in self._open:
            self._section += data
        elif "tbody" in self._open and self._open[-1] in {"th", "td"}:
            self.tables[self._section][-1][-1].text += data


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
    own: dict[str, Own] = {}
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
        own[pool] = Own(kept, broke, cost, hourly, [])
        for step, shown in zip(sorted(word.get("steady", []), key=lambda each: each["load"]), row.get("steps", []), strict=True):
            sent = step["good"] + step["slow"] + step["error"] + step["shed"]
            own[pool].steps.append((step["load"], sent, step["good"]))
            same = sent == shown["requests"] and abs(100 * step["good"] / sent - float(shown["goodPercent"])) < EXACT
            findings.append(
                (same, f"{pool}: {sent} requests at {step['load']:.3g} requests/s of load, {step['good']} good; the same by the trial")
            )
        middle[pool] = hourly / (kept * broke) ** 0.5 if 0 < kept < broke < float("inf") else float("nan")
    began = [told(pod).get("began", 0.0) for pod in pods]
    findings.append((len(began) == 2 and abs(began[0] - began[1]) <= SECONDS_APART, f"both began within {abs(began[0] - began[-1]):.1f} s"))
    findings += money(status, jobs, rows, trial["spec"])
    findings += verdict(trial, middle)
    page = opened(folder)
    findings += reported(folder, page, report, status)
    findings += shown_on(page, own, status["claims"][0])
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


def reported(folder: Path, page: Page, report: Raw, status: Raw) -> list[Finding]:
    """The page says the same, and needs nothing from elsewhere."""
    file, (said,) = (folder / "report.html").read_text(), status["claims"]
    shown = {row["pool"]: row for row in report["trial"]["pools"]}
    same = all(float(shown[row["pool"]]["capacity"]) == float(row["capacityPerReplica"]) for row in status["pools"])
    alone = "<script" not in file and "http://" not in file.replace("http://www.w3.org", "") and "https://" not in file
    return [
        (same, "the report has the trial's capacities"),
        (said["verdict"] in report["title"] and report["title"] == page.first, f"the report begins: {report['title']}"),
        (alone and len(file) < 1_000_000, f"it is one file of {len(file) / 1000:.0f} kB that asks for nothing from elsewhere"),
        *in_browser(page, report["title"]),
    ]


def in_browser(page: Page, title: str) -> list[Finding]:
    """Nothing but the file was asked for, and the verdict is what a screen reader says first. Nothing is found where no browser opened the page."""
    if page.browser is None:
        return []
    elsewhere = [each for each in page.asked if not re.fullmatch(r"file://.*/report\.html", each)]
    return [
        (
            len(page.asked) == 1 and not elsewhere,
            f"{page.browser} asked for {len(page.asked)} address(es) to show it, {len(elsewhere)} of them not the file",
        ),
        (page.spoken == title, f"a screen reader begins: {page.spoken}"),
    ]


def shown_on(page: Page, own: dict[str, Own], said: Raw) -> list[Finding]:
    """The figures that a reader of the page sees are the checker's own."""
    verdict = [float(said[name]) for name in ("claimed", "measured", "lower", "upper")]
    seen = Cell(page.first.replace(said["pool"], "").replace(said["relativeTo"], "")).figures
    findings = [
        (len(seen) == len(verdict) and all(map(near, seen, verdict)), f"the page's first sentence has {seen}, the verdict {verdict}")
    ]
    capacity = {row[0].text: row for row in page.tables.get("Capacity and cost", [])}
    quality = {(row[1].text, row[0].figures[0]): row for row in page.tables.get("Quality", [])}
    hours = {(row[1].text, row[0].figures[0]): row for row in page.tables.get("Where the money is", [])}
    for pool, mine in own.items():
        row = capacity.get(pool)
        carries, costs = (row[1].figures, row[3].figures) if row else ([], [])
        within = len(carries) == 3 and carries[1] * (1 - ROUNDED) <= mine.broke and mine.kept <= carries[2] * (1 + ROUNDED)
        findings.append((within, f"{pool}: the page has {carries} requests/s; it held at {mine.kept:.3g} and broke at {mine.broke:.3g}"))
        priced = bool(costs) and near(costs[0], mine.cost)
        findings.append((priced, f"{pool}: the page has {costs[:1]} for 1,000 good requests, {mine.cost:.5f} by price and capacity"))
        wrong = [each for step in mine.steps for each in differs(step, mine.hourly, pool, quality, hours)]
        said_so = "; ".join(wrong) or "the generator's, and price times replicas"
        findings.append(
            (not wrong, f"{pool}: requests, their good part and money an hour at {len(mine.steps)} loads on the page: {said_so}")
        )
    return findings


def differs(step: tuple[float, int, int], hourly: float, pool: str, quality: Rows, hours: Rows) -> list[str]:
    """What the page has otherwise at one load."""
    load, sent, good = step
    at = next((key for key in quality if key[0] == pool and near(key[1], load)), None)
    if at is None or at not in hours:
        return [f"{load:.3g} requests/s is not there"]
    cells = [*quality[at][2:4], *hours[at][2:4]]
    if any(len(cell.figures) != 1 for cell in cells):
        return [f"at {load:.3g} requests/s {' and '.join(cell.text for cell in cells)}"]
    requests, percent, replicas, money = (cell.figures[0] for cell in cells)
    found = (
        [] if requests == sent and abs(percent - 100 * good / sent) < EXACT else [f"{percent:g} % of {requests:g}, not {good} of {sent}"]
    )
    return found + ([] if near(money, replicas * hourly) else [f"{replicas:g} replicas for {money:g} an hour, {hourly:.4f} each"])


def near(shown: float, mine: float) -> bool:
    """But for what is rounded away."""
    return abs(shown - mine) <= ROUNDED * abs(mine)


def main() -> int:
    """Print every finding; exit 0 only if all passed."""
    findings = check(Path(sys.argv[1]))
    for passed, sentence in findings:
        print(f"  {'ok  ' if passed else 'FAIL'}  {sentence}")
    return 0 if findings and all(passed for passed, _ in findings) else 1


if __name__ == "__main__":
    sys.exit(main())

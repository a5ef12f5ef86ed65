"""One run: what happens in which order, and when each part has gone on for too long."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chart.queries import EMPTY_BY_DESIGN
from demo import checker, embeddings, manifests, page_in_browser, rate, trial_checker
from demo.dashboard_watch import AFTER_A_TRIAL, DashboardWatch, watching
from demo.hands import OWN, Hands
from demo.installation import READ_SECRET
from demo.log_follower import LogFollower
from demo.pod_recorder import PodRecorder
from demo.served import Given, Manifest, Unit
from demo.story import Story
from steelyard.cli.gather import gather
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.text.explain import show
from steelyard.cli.view.explain import explain

FIRST_PROBE_RATE = 4.0
"""Requests per second of the first probe: little enough for any machine."""
NEAR_CAPACITY = 1.4
"""Load of the second probe, in capacities as first measured: capacity is planned at 70 % utilisation, so this is about all."""
PROBE_SECONDS = 240
LEADER_SECONDS = 60
EXPLAIN_WIDTH = 120
PROBE_WINDOW = 5
LIGHT = 0.3
"""Load beside a trial, in capacities of a replica of the slower pool."""
TRIALS, TRIAL_BUDGET, TRIAL_DURATION = ("half-the-cost", "half-the-cost-again", "half-the-cost-once-more"), "1.00", "4m"
"""Another one where the one before gave way."""
AT_RISK, IN_TIME_SECONDS = "SLOAtRisk", 600
LOG, FIRST_LOG = "client.jsonl", "first.jsonl"
FIRST_RATE, FIRST_ANSWERS, FIRST_SECONDS = 0.5, 20, 600
"""Requests per second, so few that they hardly meet, and answers, of what tells how long one takes; and how long that may take."""
COUNTED = {"steelyard_workload_requests_total": "outcome", "steelyard_workload_tokens_total": "direction"}
"""Counters of a workload, and the label by which they are told apart."""


class TooLong(Problem):
    """A part of the story did not come to its end in time."""


@dataclass(slots=True)
class Told:
    """What has been said already, so that each thing is said once."""

    step: str = ""
    decision: str = ""
    claims: dict[str, str] = field(default_factory=dict)
    costs: dict[str, str] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """The load, and a node's price by pool, at which a unit truly costs `ratio` on the cheaper pool of what it costs on the dearer one. `rate` None: the
    first answers tell it."""

    rate: rate.Rate | None
    prices: dict[str, str]
    cheaper: str
    dearer: str
    ratio: float
    connections: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """That a unit costs `ratio` on one pool of what it costs on the other."""

    favoured: str
    other: str
    ratio: str


class Run:
    """One run of the demo."""

    def __init__(
        self,
        hands: Hands,
        story: Story,
        console: Console,
        operator_namespace: str,
        keep: bool,
        folder: Path | None,
        options: tuple[str, ...] = (),
        prometheus: Path | None = None,
    ) -> None:
        """options: of the command `steelyard`, which cluster it asks. prometheus: the program that watches the operator, to be asked what the
        dashboard and the alerts ask."""
        self._hands = hands
        self._command = (sys.executable, "-m", "steelyard.cli", *options)
        self._story = story
        self._console = console
        self._operator_namespace = operator_namespace
        self._keep = keep
        self._folder = folder or Path(tempfile.mkdtemp(prefix="steelyard-demo-"))
        self._began = time.monotonic()
        self._told = Told()
        self._prometheus = prometheus
        self._dashboard: DashboardWatch | None = None

    def run(self) -> int:
        """The exit code: 0 the checker agrees and the dashboard has answers, 1 otherwise."""
        try:
            with ExitStack() as beside:
                return self._chapters(beside)
        finally:
            if self._keep:
                self._say(f"everything is kept: kubectl -n {self._story.namespace} get iwl,cmodel,pods")
            else:
                self._hands.remove_all()

    def _chapters(self, beside: ExitStack) -> int:
        story = self._story
        self._chapter("A model, two pools, and an advertisement")
        self._check_operator()
        if self._prometheus is not None:
            self._dashboard = beside.enter_context(watching(self._prometheus, self._own_page, self._folder / "prometheus"))
        given = story.served.given
        terms = self._measured() if given is None else self._given(given)
        self._chapter("The claim, the workload, the load")
        favoured, other = (terms.cheaper, terms.dearer) if story.true_claim else (terms.dearer, terms.cheaper)
        # Of the cheaper pool a quarter more than the truth, as far as it is known, and less than 1, may be claimed with a good margin.
        ratio = f"{min(0.95, 1.25 * terms.ratio):.2f}" if story.true_claim else manifests.HALVES
        unit = story.served.unit
        self._say(f'the advertisement says: "{unit.words} on {favoured} cost {ratio} of what they cost on {other}"')
        self._prepare(terms.prices, claims={favoured: (ratio, other)})
        self._claim = Claimed(favoured, other, ratio)
        return self._serve_and_watch(terms.rate, terms.connections, favoured, terms.cheaper)

    def _measured(self) -> Terms:
        """The load, and a node's price by pool, at which a good request truly costs more on the slower pool: by what one replica carries."""
        story = self._story
        names = [name for name, _ in story.pools]
        self._prepare(dict.fromkeys(names, manifests.PRICE_PER_HOUR), claims={})
        (a, on_a), (b, on_b) = story.pools
        self._say(f"{a} runs {on_a}, {b} runs {on_b}; a node of either costs {manifests.PRICE_PER_HOUR} an hour")
        self._chapter("Compile for both pools, and probe what one replica carries there")
        capacity = self._probe()
        slower, faster = sorted(names, key=lambda pool: (capacity[pool], pool))
        chosen, prices = self._told_apart(capacity, slower, faster)
        if story.trial:
            # The trial's replicas share this machine's processors with those that serve: users are to notice nothing.
            chosen = replace(chosen, per_second=LIGHT * capacity[slower], slower=1, faster=1)
            self._say(f"for a trial {chosen.per_second:.3g} requests/s are enough, which one replica carries with ease")
        ratio = float(prices[faster]) / capacity[faster] / (float(prices[slower]) / capacity[slower])
        many = manifests.connections(capacity[faster] * chosen.faster, embeddings.SLO_MILLISECONDS)
        return Terms(chosen, prices, faster, slower, ratio, many)

    def _given(self, given: Given) -> Terms:
        """The load and the prices of the story: one replica carries it on either pool, so the cheaper hour is the cheaper unit."""
        story = self._story
        prices = {name: price for (name, _), price in zip(story.pools, given.prices, strict=True)}
        shapes = {name: self._shape(name) for name in prices}
        hourly = {name: float(prices[name]) * _share(story.resources[name], shapes[name]) for name in prices}
        cheaper, dearer = sorted(hourly, key=lambda pool: hourly[pool])
        self._prepare(prices, claims={})
        for name, _ in story.pools:
            asked = story.resources[name]
            self._say(
                f"{name}: a node costs {prices[name]} an hour, a replica asks for {asked['cpu']} CPU and {asked['memory']}, "
                f"which is {hourly[name]:.3f} an hour"
            )
        # Where both are busy all the time, a processor of the same kind does as much in a second on either.
        faster = checker.number(story.resources[dearer]["cpu"]) / checker.number(story.resources[cheaper]["cpu"])
        return Terms(None, prices, cheaper, dearer, faster * hourly[cheaper] / hourly[dearer], manifests.MOST_CONNECTIONS)

    def _by_first_answers(self, given: Given) -> rate.Rate:
        """A load that one replica carries on either pool, by how long the first answers of the one that serves take."""
        story = self._story
        pod = manifests.load_pod(
            story,
            "first",
            service=self._workload,
            model=self._workload,
            rate=FIRST_RATE,
            most_seconds=FIRST_SECONDS,
            seed=3,
            node_selector=self._elsewhere(),
        )
        self._hands.apply(pod)
        self._wait("the first load runs", 60, lambda: self._phase("first") in {"Running", "Succeeded", "Failed"})
        follower = LogFollower(self._hands, story.namespace, "first", self._folder / FIRST_LOG)
        follower.start()
        self._wait(f"{FIRST_ANSWERS} first answers", FIRST_SECONDS, lambda: len(self._first_answers()) >= FIRST_ANSWERS)
        self._end_load("first", follower)
        found = given.rate(self._first_answers())
        self._say(
            f"by the first answers a replica, which works on {given.sequences} requests at a time, carries the load on either pool: "
            f"{found.per_second:.3g} requests/s, {given.part:.0%} of what it completes"
        )
        return found

    def _first_answers(self) -> list[float]:
        """Seconds of each."""
        log = self._folder / FIRST_LOG
        lines = (json.loads(line) for line in log.read_text().splitlines() if '"i"' in line) if log.exists() else ()
        return [line["done"] - line["sent"] for line in lines if line["status"] == HTTPStatus.OK]

    def _end_load(self, pod: str, follower: LogFollower) -> None:
        """Send no more, and have the whole log."""
        self._hands.delete("Pod", self._story.namespace, pod)
        if not follower.join(90):
            raise TooLong(f"the log of {pod} did not come to its end", "see kubectl get events; run the demo again")

    def _told_apart(self, capacity: dict[str, float], slower: str, faster: str) -> tuple[rate.Rate, dict[str, str]]:
        """(load, prices) by which the pools differ."""
        apart = rate.apart(capacity[slower], capacity[faster], manifests.MOST_REPLICAS, self._story.served.window_seconds)
        if apart is not None:
            self._say(
                f"at {apart.per_second:.3g} requests/s {slower} needs {apart.slower} replica(s), {faster} {apart.faster}: that is the load"
            )
            return apart, dict.fromkeys(capacity, manifests.PRICE_PER_HOUR)
        alike = rate.alike(capacity[slower], self._story.served.window_seconds)
        self._say(
            f"the pools carry too nearly the same here ({capacity[slower]:.3g} and {capacity[faster]:.3g} requests/s) for the processor to "
            f"tell them apart, so prices do: from now on a node of {slower} costs {manifests.DEARER_PRICE_PER_HOUR} an hour, one of {faster} "
            f"{manifests.PRICE_PER_HOUR}; {alike.per_second:.3g} requests/s, which one replica carries on either, is the load"
        )
        return alike, {slower: manifests.DEARER_PRICE_PER_HOUR, faster: manifests.PRICE_PER_HOUR}

    # --- chapters ---------------------------------------------------------------------------------------------------------------------

    def _check_operator(self) -> None:
        try:
            self._hands.get(f"{OWN}/inferenceworkloads", limit="1")
        except NotThere as missing:
            raise Problem("Steelyard's CRDs are not installed", "install the chart: helm install steelyard charts/steelyard") from missing
        # Just installed, no replica may lead yet.
        deadline = time.monotonic() + LEADER_SECONDS
        while True:
            try:
                self._leader()
                return
            except Problem:
                if time.monotonic() > deadline:
                    raise
            time.sleep(1.0)

    def _prepare(self, prices: dict[str, str], claims: dict[str, tuple[str, str]]) -> None:
        """Namespace, Secret and pools. prices: of a node, per hour, by pool; claims: (ratio, relative to) by pool."""
        story = self._story
        self._hands.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": story.namespace,
                    "labels": {manifests.LABEL: "true", "pod-security.kubernetes.io/enforce": "restricted"},
                },
            }
        )
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if story.secret and key and secret:
            # A store of one's own may have one pair of keys only; the one of `make demo` has another that only reads.
            reader = os.environ.get("STEELYARD_S3_READ_ACCESS_KEY", key), os.environ.get("STEELYARD_S3_READ_SECRET_KEY", secret)
            for name, (own, its) in {story.secret: (key, secret), READ_SECRET: reader}.items():
                data = {"AWS_ACCESS_KEY_ID": own, "AWS_SECRET_ACCESS_KEY": its}
                self._hands.apply(
                    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": story.namespace}, "stringData": data}
                )
        for name, _ in story.pools:
            advertised = [manifests.claim(*claims[name], story.served.unit)] if name in claims else []
            self._hands.apply(manifests.pool(story, name, self._shape(name), prices[name], advertised))

    def _probe(self) -> dict[str, float]:
        """Capacity of one replica on each pool, measured twice: a server that batches does more at more load, so what counts is its
        capacity near the load that it is going to have."""
        first = self._probe_at(FIRST_PROBE_RATE, 1)
        return self._probe_at(min(first.values()) * NEAR_CAPACITY, 2)

    def _probe_at(self, per_second: float, number: int) -> dict[str, float]:
        story = self._story
        probes = {name: f"probe-{number}-{name}" for name, _ in story.pools}
        for name, probe in probes.items():
            self._hands.apply(manifests.workload(story, probe, only_pool=name, mode="Observe", window=PROBE_WINDOW))
        self._wait("both probes serve", story.served.start_seconds, lambda: all(map(self._ready, probes.values())), self._tell_compiles)
        for seed, probe in enumerate(probes.values()):
            load = manifests.load_pod(
                story,
                f"load-{probe}",
                service=probe,
                model=probe,
                rate=per_second,
                most_seconds=PROBE_SECONDS,
                seed=seed + 1,
                node_selector=self._elsewhere(),
            )
            self._hands.apply(load)
        found: dict[str, float] = {}

        def measured() -> bool:
            for name, probe in probes.items():
                for place in self._status(probe).get("placements") or ():
                    if place.get("capacityPerReplica") and place.get("capacityRequests", 0) >= story.served.least_requests:
                        found[name] = float(place["capacityPerReplica"])
            return len(found) == len(probes)

        self._wait("both capacities are measured", 180, measured)
        told = ", ".join(f"{found[name]:.3g} on {name}" for name in sorted(found))
        self._say(f"at {per_second:.3g} requests/s one replica is good for {told}")
        for probe in probes.values():
            self._hands.delete("Pod", story.namespace, f"load-{probe}")
            self._hands.delete("InferenceWorkload", story.namespace, probe)
        self._wait("the probes are gone", 120, lambda: not self._serving_pods())
        return found

    def _serve_and_watch(self, chosen: rate.Rate | None, connections: int, favoured: str, expect: str) -> int:
        story, workload_name = self._story, self._workload
        given = story.served.given
        recorder = PodRecorder(self._hands, story.namespace, workload_name)
        recorder.start()
        described = partial(
            manifests.workload,
            story,
            workload_name,
            only_pool=None,
            window=story.served.window_seconds,
            least_saving=manifests.UNHEARD_OF if story.forced_wrong else manifests.LEAST_SAVING,
            # Fewer than any pool needs would be overrun at first: requests late by the client's clock, in time by the server's.
            least_replicas=1 if chosen is None else chosen.slower if story.trial else chosen.faster,
        )
        self._hands.apply(described(mode="Observe" if story.trial else "Auto"))
        self._wait(
            f"the workload serves on {favoured}", story.served.start_seconds, lambda: self._ready(workload_name), self._tell_compiles
        )
        self._say(f"it starts on {checker.pool_of(self._status(workload_name))}, which is the cheapest by the claim")
        if chosen is None:
            assert given is not None
            chosen = self._by_first_answers(given)
        self._hands.apply(
            manifests.load_pod(
                story,
                "load",
                service=workload_name,
                model=workload_name,
                rate=chosen.per_second,
                most_seconds=3600,
                seed=7,
                node_selector=self._elsewhere(),
                connections=connections,
            )
        )
        self._wait("the load runs", 60, lambda: self._phase("load") in {"Running", "Succeeded", "Failed"})
        follower = LogFollower(self._hands, story.namespace, "load", self._folder / LOG)
        follower.start()
        if story.trial:
            return self._try(follower)
        self._chapter("What a good request really costs, and what follows from it")
        try:
            if story.forced_wrong:
                self._wait(
                    "both pools are measured",
                    story.served.judge_seconds,
                    lambda: len(self._known(self._status(workload_name))) == 2,
                    self._tell,
                )
                # From a pool that a busy machine has made too slow for the promise it would go whatever that saves.
                self._hands.apply(described(mode="Observe"))
            self._wait("the workload is balanced", story.served.judge_seconds, lambda: self._settled(expect), self._tell)
        except TooLong as late:
            self._say(f"{late}: it is judged as it is")
        self._chapter("The reckoning")
        # As it stands under load: what a request costs once there are hardly any is another figure.
        workload = self._hands.read("InferenceWorkload", story.namespace, workload_name)
        with (self._folder / "explain.txt").open("w") as text:
            show(Console(file=text, width=EXPLAIN_WIDTH), explain(gather(self._hands, story.namespace, workload_name)))
        shown = self._ask_dashboard()
        self._end_load("load", follower)
        self._collect(recorder, workload)
        recorder.stop()
        return max(self._judge(workload, expect), 0 if shown else 1)

    def _ask_dashboard(self) -> bool:
        """Whether every query of the dashboard and of the alerts has an answer, or none by design."""
        if self._dashboard is None:
            self._say("the dashboard is not asked: no Prometheus watched this operator, which the demo did not install (`make demo` does)")
            return True
        count, wrong = self._dashboard.wrong(AFTER_A_TRIAL if self._story.trial else EMPTY_BY_DESIGN)
        self._say(
            f"{count - len(wrong)} of {count} queries of the dashboard and of the alerts are answered by a Prometheus, or empty by design"
        )
        for line in wrong:
            self._say(f"dashboard: {line}")
        return not wrong

    def _try(self, follower: LogFollower) -> int:
        """By the command, as a user would."""
        story = self._story
        self._chapter("A trial: both pools under one load, for a bounded amount of money")
        behind: set[str] = set()
        for name in TRIALS:
            if self._followed(name, behind) != AT_RISK or name == TRIALS[-1]:
                break
            self._say(
                "a trial gives way where the users' requests are late, here to what else the machine does; once more, when they are in time"
            )
            self._wait("the users' requests to be answered in time", IN_TIME_SECONDS, self._is_in_time)
        self._chapter("The reckoning")
        report = [*self._command, "report", name, "--trial", "--namespace", story.namespace]
        again = self._recorded(report, name)
        for form in ("json", "csv"):
            subprocess.run([*report, "-o", form, "--to", str(self._folder / f"report.{form}")], check=True, stdout=subprocess.PIPE)
        self._look_at(self._folder / "report.html")
        shown = self._ask_dashboard()
        space, chosen = f"namespaces/{story.namespace}", {"labelSelector": f"steelyard.dev/trial={name}"}
        written = {
            "trial.json": self._hands.get(f"{OWN}/{space}/acceleratortrials/{name}"),
            "trial_pods.json": list(self._hands.list(f"/api/v1/{space}/pods", **chosen)),
            "trial_jobs.json": list(self._hands.list(f"/apis/batch/v1/{space}/jobs", **chosen)),
            "pools.json": [self._hands.read("AcceleratorPool", None, name) for name, _ in story.pools],
            "workload.json": self._hands.read("InferenceWorkload", story.namespace, self._workload),
            "behind_services.json": sorted(behind | self._behind_services()),
        }
        self._end_load("load", follower)
        for file, content in written.items():
            (self._folder / file).write_text(json.dumps(content, indent=1))
        self._say("an independent checker, from what each generator sent and what came of it, and the prices alone:")
        return max(self._checked([trial_checker.__file__, str(self._folder)]), 0 if shown and again else 1)

    def _recorded(self, report: Sequence[str], name: str) -> bool:
        """Write the page, and the record that it rests on out of the operator's log; whether that is there and decides the same again."""
        log, page = self._folder / "operator.log", self._folder / "report.html"
        lines = self._hands.stream(f"/api/v1/namespaces/{self._operator_namespace}/pods/{self._leader()}/log")
        log.write_text("".join(f"{line.decode(errors='replace')}\n" for line in lines))
        written = subprocess.run([*report, "--to", str(page), "--record", str(log)], stdout=subprocess.PIPE, check=False)
        record = self._folder / f"{name}-record.json"
        replay = [sys.executable, "-m", "steelyard.cli", "replay", str(record)]
        same = written.returncode == 0 and subprocess.run(replay, stdout=subprocess.PIPE, check=False).returncode == 0
        told = "and steelyard replay decides the same again" if same else "which is NOT there, or is decided otherwise"
        self._say(f"the record that the page rests on, out of the operator's log: {record.name}, {told}")
        return same

    def _look_at(self, page: Path) -> None:
        """In a real browser, where there is one; what it shows is for the checker."""
        program = page_in_browser.program()
        if program is None:
            self._say(
                "no Chromium is on PATH, so no browser opens the page: the checker takes its text out of the file "
                "(Debian: apt-get install chromium)"
            )
        else:
            try:
                seen = page_in_browser.seen(page)
            except (AssertionError, OSError) as broken:
                self._say(f"{program} does not show the page, so the checker takes its text out of the file: {broken}")
            else:
                (self._folder / trial_checker.SEEN).write_text(json.dumps(seen, indent=1))
                self._say(f'{seen["browser"]} has opened the page without a window; a screen reader begins: "{seen["spoken"]}"')
        self._say(f"the report: {page}")
        self._say(f"in your own browser: python3 -m webbrowser {page.resolve().as_uri()}")

    def _followed(self, name: str, behind: set[str]) -> str | None:
        """Why the trial has ended. behind: names of the pods behind a Service meanwhile are added to it."""
        story, claim = self._story, self._claim
        asked = [
            "trial", "start", "--namespace", story.namespace, "--workload", self._workload, "--pools", f"{claim.favoured},{claim.other}",
            "--claim", f"unit cost {claim.ratio} of {claim.other}", "--budget", TRIAL_BUDGET, "--duration", TRIAL_DURATION, "--name", name,
        ]  # fmt: skip
        self._say(f"steelyard {shlex.join(asked)}")
        with subprocess.Popen([*self._command, *asked], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as following:
            assert following.stdout is not None
            for line in following.stdout:
                self._console.print(f"         {line.rstrip()}", highlight=False, markup=False)
                behind |= self._behind_services()
        self._say(f"the command has ended with {following.returncode}: {'decided' if following.returncode == 0 else 'not decided'}")
        found = self._hands.get(f"{OWN}/namespaces/{story.namespace}/acceleratortrials/{name}")
        conditions = (found.get("status") or {}).get("conditions") or ()
        return next((each["reason"] for each in conditions if each["type"] == "Finished" and each["status"] == "True"), None)

    def _is_in_time(self) -> bool:
        """Whether the workload keeps its promise, by itself."""
        conditions = self._status(self._workload).get("conditions") or ()
        return any((each["type"], each["status"]) == ("SLOMet", "True") for each in conditions)

    def _behind_services(self) -> set[str]:
        """Names of the pods that a Service of the namespace sends requests to, or would."""
        slices = self._hands.list(f"/apis/discovery.k8s.io/v1/namespaces/{self._story.namespace}/endpointslices")
        return {(end.get("targetRef") or {}).get("name", "") for each in slices for end in each.get("endpoints") or ()}

    def _known(self, status: Manifest) -> dict[str, Manifest]:
        """The placements whose unit cost has been measured, by pool."""
        return {p["pool"]: p for p in status.get("placements") or () if self._story.served.unit.cost(p)}

    def _settled(self, expect: str) -> bool:
        """It is where it should be, both pools are known, the claim has a verdict, no move is under way, and what it costs there was
        measured outside of one."""
        status = self._status(self._workload)
        if status.get("move"):
            return False
        known = self._known(status)
        there = checker.pool_of(status)
        judged = [c for c in status.get("claims") or () if c["verdict"] != "Inconclusive"]
        steady = there is not None and bool(known.get(there, {}).get("steady"))
        arrived = self._story.forced_wrong or there == expect
        return arrived and len(known) == 2 and steady and bool(judged) and bool(status.get("history"))

    def _collect(self, recorder: PodRecorder, workload: Manifest) -> None:
        story = self._story
        nodes = {
            n["metadata"]["name"]: n["metadata"]["labels"].get("node.kubernetes.io/instance-type", "")
            for n in self._hands.list("/api/v1/nodes")
        }
        pools = [self._hands.read("AcceleratorPool", None, name) for name, _ in story.pools]
        self._wait("the operator has read the last counters", 60, self._counters_stand_still)
        first, log = self._folder / FIRST_LOG, self._folder / LOG
        if first.exists():  # What it asked for was counted and paid for, too.
            log.write_text(first.read_text() + log.read_text())
        written = {
            "pods.json": recorder.pods(nodes),
            "pools.json": pools,
            "workload.json": workload,
            "counters.json": self._counters(),
        }
        for name, content in written.items():
            (self._folder / name).write_text(json.dumps(content, indent=1))

    def _judge(self, workload: Manifest, expect: str) -> int:
        self._console.print(_reckoning(workload, self._story.served.unit))
        self._say("an independent checker, from the client's log, the pods' life times and the prices alone:")
        return self._checked([checker.__file__, str(self._folder), expect])

    def _checked(self, asked: list[str]) -> int:
        """The exit code of a checker: 0 where it agrees."""
        done = subprocess.run([sys.executable, "-I", *asked], stdout=subprocess.PIPE, text=True, check=False)
        self._console.print(done.stdout.rstrip(), highlight=False, markup=False)
        self._say(f"evidence: {self._folder}")
        minutes, rest = divmod(int(time.monotonic() - self._began), 60)
        self._say(f"{'the checker agrees' if done.returncode == 0 else 'the checker does NOT agree'}; {minutes} min {rest} s")
        return done.returncode

    def _shape(self, pool: str) -> manifests.Shape:
        """The pool's nodes as the cluster shows them."""
        nodes = list(self._hands.list("/api/v1/nodes", labelSelector=f"steelyard.dev/pool={pool}"))
        if not nodes:
            raise Problem(
                f"no node has the label steelyard.dev/pool={pool}", f"label one: kubectl label node NODE steelyard.dev/pool={pool}"
            )
        kind = nodes[0]["metadata"]["labels"].get("node.kubernetes.io/instance-type")
        if not kind:
            name = nodes[0]["metadata"]["name"]
            raise Problem(f"node {name} has no instance type", f"label it: kubectl label node {name} node.kubernetes.io/instance-type=demo")
        room = nodes[0]["status"]["allocatable"]
        architecture = nodes[0]["metadata"]["labels"].get("kubernetes.io/arch", "amd64")
        return manifests.Shape(architecture=architecture, instance_type=kind, cpu=room["cpu"], memory=room["memory"])

    def _elsewhere(self) -> dict[str, str]:
        """Where the load runs: beside the pools, if there are nodes beside them."""
        general = {"steelyard.dev/role": "general"}
        return general if list(self._hands.list("/api/v1/nodes", labelSelector="steelyard.dev/role=general")) else {}

    # --- looking ----------------------------------------------------------------------------------------------------------------------

    @property
    def _workload(self) -> str:
        return self._story.served.workload

    def _status(self, workload: str) -> Manifest:
        found: Manifest = self._hands.read("InferenceWorkload", self._story.namespace, workload).get("status") or {}
        return found

    def _ready(self, workload: str) -> bool:
        conditions = {c["type"]: c for c in self._status(workload).get("conditions") or ()}
        return bool(conditions.get("Ready", {}).get("status") == "True")

    def _phase(self, pod: str) -> str:
        return str((self._hands.read("Pod", self._story.namespace, pod).get("status") or {}).get("phase"))

    def _serving_pods(self) -> list[Manifest]:
        return list(self._hands.list(f"/api/v1/namespaces/{self._story.namespace}/pods", labelSelector="steelyard.dev/role=serving"))

    def _leader(self) -> str:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._operator_namespace}/leases/steelyard"
        try:
            holder = str(self._hands.get(path)["spec"].get("holderIdentity") or "")
        except NotThere as missing:
            raise Problem(
                f"no operator leads in namespace {self._operator_namespace}", "wait for it, or name its namespace with --operator-namespace"
            ) from missing
        if not holder:
            raise Problem("no operator holds the Lease", f"look at it: kubectl -n {self._operator_namespace} get pods")
        return holder.rsplit("_", 1)[0]

    def _counters(self) -> dict[str, dict[str, int]]:
        """The operator's own counters of this workload by pool: requests by outcome, and the tokens of good requests by direction. Through the
        API server's proxy."""
        found: dict[str, dict[str, int]] = {}
        for line in self._own_page():
            name = line.partition("{")[0]
            if name not in COUNTED:
                continue
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            if labels.get("workload") == self._workload and labels.get("namespace") == self._story.namespace:
                found.setdefault(labels["pool"], {})[labels[COUNTED[name]]] = round(float(line.rsplit(" ", 1)[1]))
        return found

    def _own_page(self) -> Iterator[str]:
        """The leader's /metrics."""
        return self._page(f"/api/v1/namespaces/{self._operator_namespace}/pods/{self._leader()}:8080/proxy/metrics")

    def _page(self, path: str) -> Iterator[str]:
        try:
            yield from (line.decode() for line in self._hands.stream(path))
        except NotThere as secured:
            raise Problem(
                "the operator gives its metrics to bearers of a token only, which the API server's proxy does not pass on",
                "install it with --set metrics.secure=false for the demo",
            ) from secured

    def _counters_stand_still(self) -> bool:
        """The load has ended: the counters are final once they have stayed the same for longer than three scrapes."""
        before = self._counters()
        time.sleep(12)
        return bool(before) and before == self._counters()

    # --- telling ----------------------------------------------------------------------------------------------------------------------

    def _wait(self, what: str, seconds: float, done: Callable[[], bool], tell: Callable[[], None] | None = None) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if tell is not None:
                tell()
            if time.monotonic() > deadline:
                hint = f"kubectl -n {self._story.namespace} describe iwl; kubectl -n {self._story.namespace} get pods,cmodel"
                raise TooLong(f"after {seconds:.0f} s this had still not happened: {what}", f"look at it (run with --keep): {hint}")
            time.sleep(1.0)
        if tell is not None:
            tell()

    def _tell_compiles(self) -> None:
        for compiled in self._hands.list(f"{OWN}/namespaces/{self._story.namespace}/compiledmodels"):
            backend, progress = compiled["spec"]["backend"], (compiled.get("status") or {}).get("progress") or {}
            phase = f"{progress.get('phase', 'Pending')} {progress.get('percent', 0)} %"
            failure = (compiled.get("status") or {}).get("failure")
            if failure:
                phase = f"failed: {failure.get('reason')}: {failure.get('message')}"
            if self._told.phases.get(backend) != phase:
                self._told.phases[backend] = phase
                self._say(f"compile for {backend}: {phase}")

    def _tell(self) -> None:
        status, unit = self._status(self._workload), self._story.served.unit
        for place in status.get("placements") or ():
            cost = unit.cost(place)
            if cost and self._told.costs.get(place["pool"]) != str(cost):
                self._told.costs[place["pool"]] = str(cost)
                self._say(f"{unit.words} on {place['pool']} cost {cost}")
        for claim in status.get("claims") or ():
            if self._told.claims.get(claim["pool"]) != claim["verdict"]:
                self._told.claims[claim["pool"]] = claim["verdict"]
                self._say(f"claim of {claim['pool']}: {claim['verdict']}; {claim.get('message', '')}")
        move = status.get("move") or {}
        step = f"{move.get('kind')} {move.get('from')} to {move.get('to')}: {move.get('step')} ({move.get('sourceReplicas')} + {move.get('targetReplicas')} replicas). {move.get('message', '')}"
        if move and self._told.step != step:
            self._told.step = step
            self._say(step)
        last = status.get("lastDecision") or {}
        text = f"{last.get('verdict')} / {last.get('reason')}: {last.get('message')}"
        if last and not move and self._told.decision != text:
            self._told.decision = text
            self._say(text)

    def _chapter(self, title: str) -> None:
        self._console.print(f"\n[bold]{title}[/bold]")

    def _say(self, sentence: str) -> None:
        minutes, rest = divmod(int(time.monotonic() - self._began), 60)
        self._console.print(f"  {minutes:2d}:{rest:02d}  {sentence}", highlight=False, soft_wrap=not self._console.record)


def _share(asked: Mapping[str, str], shape: manifests.Shape) -> float:
    """A replica's part of its node."""
    return checker.weight(asked["cpu"], asked["memory"]) / checker.weight(shape.cpu, shape.memory)


def _reckoning(workload: Manifest, unit: Unit) -> Table:
    status = workload.get("status") or {}
    table = Table(title=f"What {unit.words} cost, as measured")
    for column in ("pool", "replicas now", "measured with", "cost", "95 % interval", "n", "within objective", "good requests/s a replica"):
        table.add_column(column)
    for place in status.get("placements") or ():
        cost = unit.cost(place)
        table.add_row(
            place["pool"],
            str(place.get("desiredReplicas", 0)),
            str(place["unitCost"].get("replicas", "a changing number")) if cost else "-",
            cost.value if cost else "unknown",
            f"{cost.lower} to {cost.upper}" if cost else "-",
            str(cost.n) if cost else "-",
            f"{place['goodPercent']} %" if place.get("goodPercent") else "unknown",
            place.get("capacityPerReplica", "unknown"),
        )
    return table


def namespace_name() -> str:
    """A namespace of its own for each run."""
    return f"steelyard-demo-{secrets.token_hex(3)}"

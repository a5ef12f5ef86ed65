"""The same with a real Prometheus between the servers and the operator: it may be down, fail to scrape, no longer scrape, and scrape what
no longer changes."""

from __future__ import annotations

import itertools

import pytest

from cluster import binaries
from cluster.http_probe import answers
from cluster.waiting import wait_until
from fault.holding import SLOW_START, Loss, every_step_is_held, exposing
from fault.meanwhile import first, meanwhile
from fault.move_run import SOON, MoveRun
from stub.world import Play

pytestmark = pytest.mark.apiserver

_PORTS = itertools.count(9091)


class OwnPrometheus:
    """A Prometheus of one run: another run must not miss it."""

    def __init__(self, run: MoveRun) -> None:
        self._run, self._identity = run, run.cluster.identity
        self._port = next(_PORTS)
        self._name = f"prometheus-{self._port}"
        self._targets = wait_until("the played targets", lambda: run.world.targets_url, seconds=SOON)
        self.url = f"http://{self._identity.gateway}:{self._port}"

    def start(self, every: str = "1s") -> None:
        """Scrape what the played world names, under the labels that the Kubernetes discovery gives."""
        folder = self._identity.folder / self._name
        folder.mkdir(exist_ok=True)
        (folder / "prometheus.yaml").write_text(f"""
global: {{scrape_interval: {every}, scrape_timeout: 1s}}
scrape_configs:
- job_name: pods
  http_sd_configs: [{{url: "{self._targets}", refresh_interval: 1s}}]
""")
        program = binaries.programs(["prometheus"])["prometheus"]
        flags = (f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data")
        self._run.cluster.supervisor.start(self._name, program, *flags, f"--web.listen-address={self._identity.gateway}:{self._port}")
        wait_until("Prometheus", lambda: answers(f"{self.url}/-/ready"), seconds=SOON, logs=(self._run.cluster.supervisor.log(self._name),))

    def stop(self) -> None:
        """Until the next start."""
        self._run.cluster.supervisor.stop(self._name)

    def again(self, every: str = "1s") -> None:
        """Stop and start with another interval."""
        self.stop()
        self.start(every)


@first
@meanwhile
@pytest.mark.parametrize("losses", [("down", "frozen"), ("gone", "stale")], ids="-".join)
def test_a_lost_prometheus_and_its_lost_targets_hold_a_move_and_it_goes_on_afterwards(a_move, losses):
    run = a_move(play=Play(start_seconds=SLOW_START))
    prometheus = OwnPrometheus(run)
    prometheus.start()
    try:
        run.start_operator(observe={"source": "Prometheus", "prometheusUrl": prometheus.url, "intervalSeconds": 2, "timeoutSeconds": 2})
        ways = {
            "down": Loss("down", prometheus.stop, prometheus.start),
            "stale": Loss("stale", lambda: prometheus.again(every="1d"), prometheus.again),
            "frozen": exposing(run, "frozen"),
            "gone": exposing(run, "gone"),
        }
        one, other = (ways[how] for how in losses)
        every_step_is_held(run, one, other)
    finally:
        prometheus.stop()

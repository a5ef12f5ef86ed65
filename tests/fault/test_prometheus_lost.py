"""The same with a real Prometheus between the servers and the operator: it may be down, and it may fail to scrape."""

from __future__ import annotations

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.test_metrics_lost import SLOW_START, expose, held_without_a_touch
from stub.world import Play

pytestmark = pytest.mark.apiserver


def configuration(targets: str) -> str:
    """Scrapes what the played world names, under the labels that the Kubernetes discovery gives."""
    return f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: pods
  http_sd_configs: [{{url: "{targets}", refresh_interval: 1s}}]
"""


@first
@meanwhile
def test_a_lost_prometheus_and_its_lost_targets_hold_a_move_and_it_goes_on_afterwards(a_move):
    run = a_move(play=Play(load=100.0, start_seconds=SLOW_START))
    wait_until("the played targets", lambda: run.world.targets_url, seconds=20)
    url = run.cluster.prometheus(configuration(run.world.targets_url))
    run.start_operator(observe={"source": "Prometheus", "prometheusUrl": url, "intervalSeconds": 2, "timeoutSeconds": 2})
    run.apply()
    run.until_serving()

    def stop_prometheus() -> None:
        run.cluster.supervisor.stop("prometheus")

    def start_prometheus() -> None:
        run.cluster.prometheus(configuration(run.world.targets_url))

    def targets_down() -> None:
        held_without_a_touch(run, lambda: expose(run, "gone"), lambda: expose(run, "live"))

    def prometheus_down() -> None:
        held_without_a_touch(run, stop_prometheus, start_prometheus)

    run.until(
        "a first window", lambda s: (s.get("lastDecision") or {}).get("reason") not in {None, "Waiting", "Compiling", "TooFewRequests"}, 60
    )
    for step, lose in (("Surge", targets_down), ("Shift", prometheus_down), ("Bake", targets_down), ("Drain", prometheus_down)):
        run.until_step(step)
        lose()
    run.until_moved()
    assert run.world.lost == 0
    assert [h["outcome"] for h in run.status()["history"]] == ["Moved"]

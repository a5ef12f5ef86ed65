"""The Prometheus beside the demo is told what the operator's page says, and asked for all of the dashboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chart.local_prometheus import program
from chart.queries import alerts, ask, dashboard, queries
from cluster.waiting import wait_until
from demo.dashboard_watch import AFTER_A_TRIAL, watching
from patience import PATIENCE
from steelyard.cli.problem import Problem


def test_what_the_page_says_is_there_to_be_asked_and_what_it_does_not_say_is_told(tmp_path: Path) -> None:
    found = program()
    if found is None:
        pytest.skip("no prometheus here: python -m cluster build prometheus")
    looks = 0

    def page() -> Iterator[str]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise Problem("no operator leads", "wait")
        yield "# TYPE steelyard_leader gauge"
        yield "steelyard_leader 1.0"

    with watching(found, page, tmp_path / "prometheus", seconds=1) as watch:
        wait_until("the page", lambda: ask(watch.url, "steelyard_leader"), seconds=PATIENCE)
        count, wrong = watch.wrong()
        _, after_a_trial = watch.wrong(AFTER_A_TRIAL)
    assert looks > 1, "a leader that is not there yet is asked again"
    assert not any(line.startswith("panel Leaders") for line in wrong)
    assert any(line.startswith("panel Replicas by pool, A: no series") for line in wrong)
    assert 30 < len(wrong) < count
    moves = {line.partition(":")[0] for line in wrong} - {line.partition(":")[0] for line in after_a_trial}
    assert "panel Moves that ended within the time shown, by outcome, A" in moves
    assert "panel Replicas by pool, A" not in moves, "what serves is shown after a trial too"


def test_what_may_be_empty_after_a_trial_is_asked() -> None:
    """An entry of a panel that is no more would hide the next one of its name."""
    assert set(AFTER_A_TRIAL) <= {query.where.replace("(USD)", "(MONEY)") for query in queries(dashboard(), alerts())}

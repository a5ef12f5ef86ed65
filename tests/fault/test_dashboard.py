"""The dashboard and the alerts, as a real Prometheus answers them that watched a real operator through a whole move."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chart.local_prometheus import program, prometheus
from chart.queries import Query, alerts, ask, dashboard, queries, unanswered
from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import SOON

pytestmark = pytest.mark.apiserver


@meanwhile
def test_after_a_move_every_query_is_answered_or_empty_by_design(a_move):
    found = program()
    if found is None:
        pytest.skip("no prometheus here: python -m cluster build prometheus")
    asked = list(queries(dashboard(), alerts()))
    [moves] = [query for query in asked if query.where == "annotation Moves"]

    def panel(title: str) -> str:
        return next(query.expr for query in asked if query.where == f"panel {title}, A")

    run = a_move()
    operator = run.start_operator()
    with TemporaryDirectory() as folder, prometheus(found, Path(folder), f"127.0.0.1:{operator.port()}") as url:
        run.apply()
        run.until_serving()
        run.until_step("Shift")
        shaded = wait_until("the annotation of the move", lambda: ask(url, moves.expr), seconds=SOON)
        told = [{label: one["metric"][label] for label in ("workload", "source", "target")} for one in shaded]
        assert told == [{"workload": "model", "source": run.dear, "target": run.cheap}]
        run.until_moved()
        seen = "count_over_time(steelyard_move_duration_seconds_count[5m]) > 2"
        wait_until("three scrapes after the move", lambda: ask(url, seen), seconds=SOON)
        assert unanswered(url, asked) == []
        assert not ask(url, moves.expr), "it has ended, and so has its mark"
        ended = ask(url, panel("Moves that ended within the time shown, by outcome"))
        assert [(one["metric"]["outcome"], float(one["value"][1])) for one in ended] == [("Moved", 1.0)]
        [verdict] = ask(url, panel("Verdicts on claims"))
        assert verdict["metric"]["verdict"] == "Refuted"
        done = {one["metric"]["state"]: float(one["value"][1]) for one in ask(url, panel("Compiled models by state"))}
        assert done == {"Waiting": 0.0, "Running": 0.0, "Done": 2.0, "Failed": 0.0}
        mistaken = [Query("panel mistaken, A", "steelyard_unit_costs_usd"), Query("panel refused, A", "sum(steelyard_leader")]
        assert [line.partition(":")[2].split(":")[0] for line in unanswered(url, mistaken)] == [" no series", " refused"]

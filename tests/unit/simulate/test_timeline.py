"""The time line of a run keeps the times of its windows, however long it is."""

import csv
import io

from steelyard.simulate.run import Row, WorkloadRun
from steelyard.simulate.tally import Tally
from steelyard.simulate.timeline import write


def test_times_of_a_long_run_are_whole_seconds_with_all_digits() -> None:
    times = [1_234_575.0, 10_000_020.0, 10_000_080.0]
    rows = [
        Row(until=each, seconds=60.0, tally=Tally(), ready={}, desired={}, verdict="Stay", reason="AlreadyCheapest", move="")
        for each in times
    ]
    file = io.StringIO()
    write(file, [WorkloadRun(name="search", tally=Tally(), rows=rows)], [])
    file.seek(0)
    assert [row["t_s"] for row in csv.DictReader(file)] == ["1234575", "10000020", "10000080"]

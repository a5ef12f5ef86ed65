"""A small part of the live benchmark: Steelyard and an HPA by others' programs, each with real servers under the same recorded load."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bench import live
from bench.__main__ import run

pytestmark = pytest.mark.integrations
PROGRAMS = ("prometheus", "prometheus-adapter")


def test_each_policy_serves_the_load_and_is_judged_by_what_its_client_saw(tmp_path: Path) -> None:
    run("live", quick=True, into=tmp_path)
    with (tmp_path / "live.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["policy"] for row in rows] == list(live.QUICKLY)
    assert all(float(row["cost_per_1000_good"]) > 0 and 0 <= float(row["missed"]) < 1 for row in rows)
    assert all((tmp_path / f"live.{ending}").stat().st_size > 0 for ending in ("svg", "md"))

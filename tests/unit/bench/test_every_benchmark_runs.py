"""A benchmark that does not run any more is found here, not in an hour of `make bench`."""

from pathlib import Path

import pytest

from bench.__main__ import NAMES, run

NEEDS = {"scale": [pytest.mark.apiserver]}
WITH_OTHERS = {"live"}
"""Run with others' programs (`tests/integrations/test_live.py`)."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=NEEDS.get(name, [])) for name in NAMES if name not in WITH_OTHERS])
def test_a_small_part_of_each_benchmark_runs_and_writes_its_files(name: str, tmp_path: Path) -> None:
    run(name, quick=True, into=tmp_path)
    for ending in ("csv", "svg", "md"):
        assert (tmp_path / f"{name}.{ending}").stat().st_size > 0

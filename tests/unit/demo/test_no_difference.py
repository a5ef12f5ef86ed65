"""Where two pools carry the same, there is nothing to show: the demo says so and ends with a code of its own."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from steelyard.cli.demo.plan import Story
from steelyard.cli.demo.story import NO_DIFFERENCE, Run


def test_equal_pools_end_the_demo_with_code_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(
        namespace="n", model_uri="s3://m", model_digest="sha256:0", secret=None, runtime_image="i", swap=False, true_claim=False, forced_wrong=False
    )  # fmt: skip
    told = io.StringIO()
    monkeypatch.setattr(Run, "_check_operator", lambda _: None)
    monkeypatch.setattr(Run, "_prepare", lambda _, claims: None)
    monkeypatch.setattr(Run, "_probe", lambda _: {"pool-a": 10.0, "pool-b": 10.4})
    run = Run(None, story, Console(file=told, width=200), "steelyard-system", False, tmp_path)  # type: ignore[arg-type] - nothing is asked
    assert run.run() == NO_DIFFERENCE
    assert "no difference" in told.getvalue()

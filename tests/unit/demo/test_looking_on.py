"""What looks on in a demo: a Prometheus on the operator's page from the beginning, after a trial too; and a browser that opens the report."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chart.queries import EMPTY_BY_DESIGN, Empty
from demo import __main__ as demo
from demo.__main__ import USUAL
from demo.dashboard_watch import AFTER_A_TRIAL
from demo.embeddings import embeddings
from demo.run import Run, Terms
from demo.story import Story
from demo.trial_checker import SEEN
from unit.demo.test_main import MODEL

PROGRAM = Path("/tools/prometheus")


def story(*, trial: bool) -> Story:
    return Story(
        namespace="n", model_uri="s3://m", model_digest="sha256:0", secret=None, runtime_image="i", swap=False, true_claim=False,
        forced_wrong=False, trial=trial, variants=USUAL, served=embeddings(USUAL),
    )  # fmt: skip


def run(folder: Path, output: io.StringIO, *, trial: bool = True, prometheus: Path | None = None) -> Run:
    console = Console(file=output, width=400)
    return Run(None, story(trial=trial), console, "steelyard-system", True, folder, prometheus=prometheus)  # type: ignore[arg-type] - nothing is asked


@pytest.mark.parametrize(("trial", "may_be_empty"), [(False, EMPTY_BY_DESIGN), (True, AFTER_A_TRIAL)])
@pytest.mark.parametrize("wrong", [[], ["panel Leaders, A: no series"]])
def test_a_prometheus_watches_all_of_the_story_and_is_asked_by_what_may_be_empty_after_it(
    trial: bool, may_be_empty: Mapping[str, Empty], wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, asked = io.StringIO(), list[object]()

    class Watch:
        def wrong(self, may_be_empty: Mapping[str, Empty]) -> tuple[int, list[str]]:
            asked.append(may_be_empty)
            return 54, wrong

    @contextmanager
    def watching(program: Path, *_: object) -> Iterator[Watch]:
        asked.append(program)
        yield Watch()

    monkeypatch.setattr("demo.run.watching", watching)
    for does_nothing in ("_check_operator", "_prepare"):
        monkeypatch.setattr(Run, does_nothing, lambda *_, **__: None)
    monkeypatch.setattr(Run, "_measured", lambda _: Terms(None, {}, "pool-b", "pool-a", 0.5, 1))
    monkeypatch.setattr(Run, "_serve_and_watch", lambda self, *_: 0 if self._ask_dashboard() else 1)
    assert run(tmp_path, output, trial=trial, prometheus=PROGRAM).run() == len(wrong)
    assert asked == [PROGRAM, may_be_empty]
    assert f"{54 - len(wrong)} of 54 queries of the dashboard and of the alerts are answered" in output.getvalue()
    assert output.getvalue().count("dashboard: panel Leaders") == len(wrong)


@pytest.mark.parametrize(("cluster", "options", "program"), [("demo", [], PROGRAM), ("demo", MODEL, None), (None, MODEL, None)])
def test_what_the_demo_installed_itself_has_a_prometheus_which_is_built_where_there_is_none(
    cluster: str | None, options: list[str], program: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    class Told:
        def __init__(self, *given: Any) -> None:
            told.append(given[-1])

        def run(self) -> int:
            return 0

    monkeypatch.delenv("CLUSTER", raising=False)
    monkeypatch.delenv("STEELYARD_CLUSTER", raising=False)
    if cluster is not None:
        monkeypatch.setenv("STEELYARD_CLUSTER", cluster)
    monkeypatch.setenv("STEELYARD_IMAGE_RUNTIME_COMPILE", "image")
    monkeypatch.setattr(demo.Cluster, "attach", lambda name: name)
    monkeypatch.setattr(demo, "_install", lambda cluster, text: ("s3://m", "sha256:1"))
    monkeypatch.setattr(demo, "choose", lambda *_: USUAL)
    monkeypatch.setattr(demo.Hands, "open", lambda *_: None)
    monkeypatch.setattr(demo.binaries, "programs", lambda names: {name: PROGRAM for name in names if name == "prometheus"})
    monkeypatch.setattr(demo, "Run", Told)
    assert demo.main([*options, "--trial"]) == 0
    assert told == [program]


def test_a_run_that_nothing_watched_says_so_and_is_no_failure(tmp_path: Path) -> None:
    output = io.StringIO()
    assert run(tmp_path, output)._ask_dashboard()
    assert "the dashboard is not asked" in output.getvalue()


def look_at(folder: Path) -> str:
    page, output = folder / "report.html", io.StringIO()
    page.write_text("<h1>Refuted</h1>")
    run(folder, output)._look_at(page)
    assert f"the report: {page}" in output.getvalue()
    assert f"in your own browser: python3 -m webbrowser {page.as_uri()}" in output.getvalue()
    return output.getvalue()


def test_where_there_is_a_browser_the_checker_gets_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {"browser": "Chrome/1", "asked": ["file:///report.html"], "spoken": "Refuted", "first": "Refuted", "tables": {}}
    monkeypatch.setattr("demo.page_in_browser.program", lambda: "/usr/bin/chromium")
    monkeypatch.setattr("demo.page_in_browser.seen", lambda _: seen)
    assert 'Chrome/1 has opened the page without a window; a screen reader begins: "Refuted"' in look_at(tmp_path)
    assert json.loads((tmp_path / SEEN).read_text()) == seen


def test_where_there_is_none_that_is_said_and_the_checker_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.page_in_browser.program", lambda: None)
    said = look_at(tmp_path)
    assert "no Chromium is on PATH, so no browser opens the page" in said and "apt-get install chromium" in said
    assert not (tmp_path / SEEN).exists()


def test_one_that_does_not_work_is_told_with_its_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise AssertionError("the browser has ended")

    monkeypatch.setattr("demo.page_in_browser.program", lambda: "/usr/bin/chromium-browser")
    monkeypatch.setattr("demo.page_in_browser.seen", broken)
    assert "/usr/bin/chromium-browser does not show the page" in look_at(tmp_path)
    assert not (tmp_path / SEEN).exists()

"""What the demo's checker reads of the report is what a real browser shows, and not what the file has."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.page_in_browser import seen
from demo.trial_checker import SEEN
from unit.demo.test_trial_checker_objects import Raw, evidence, judged

pytestmark = pytest.mark.browser


def shown(found: Raw, folder: Path) -> list[str]:
    """The objections of the checker to the page as the browser shows it."""
    page = folder / "report.html"
    page.write_text(found["report.html"])
    return judged({**found, SEEN: seen(page)}, folder)


def test_the_checker_agrees_with_what_the_browser_shows(tmp_path: Path) -> None:
    assert shown(evidence(), tmp_path) == []


def test_a_request_that_leaves_is_seen(tmp_path: Path) -> None:
    found = evidence()
    found["report.html"] = found["report.html"].replace("</body>", '<img src="other.png"></body>')
    assert any("asked for 2 address(es) to show it, 1 of them not the file" in each for each in shown(found, tmp_path))


def test_what_is_said_before_the_verdict_is_heard(tmp_path: Path) -> None:
    found = evidence()
    found["report.html"] = found["report.html"].replace("<body>", "<body><p>Dear reader</p>")
    assert shown(found, tmp_path) == ["a screen reader begins: Dear reader"]


def test_a_figure_that_nobody_sees_does_not_count(tmp_path: Path) -> None:
    found = evidence()
    hidden = '<b style="display: none">20.0 [19.4, 20.6]</b>30.0 [29.4, 30.6]<'
    found["report.html"] = found["report.html"].replace("20.0 [19.4, 20.6]<", hidden)
    assert any("b: the page has [30.0, 29.4, 30.6]" in each for each in shown(found, tmp_path))

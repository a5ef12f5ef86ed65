"""The page of `steelyard report` in a real browser: light, dark, narrow and on paper; by its verdict first; without a script and without the network.

Pictures of what was looked at are left in build/report."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from browser.chromium import Chromium, Tab, chromium
from browser.recorded import recorded
from steelyard.cli.main import main
from unit.cli.fake_api import fake_api
from unit.cli.situations import SITUATIONS
from unit.cli.trials import TRIALS

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parents[2] / "build" / "report"
LONG = "p" * 63
NAMES = (
    *(f"workload-{name}" for name in SITUATIONS),
    *(f"trial-{name}" for name in TRIALS),
    "workload-long",
    "trial-long",
    "trial-recorded",
)
FOR_PEOPLE = ("workload-moved", "trial-decided", "trial-recorded")
"""Those of which pictures are left."""
PAPER = 703
"""Pixels that A4 is wide between margins of 14 mm, at 96 to the inch and rounded up."""
TEXTS = """
[...document.querySelectorAll('body *')].flatMap(element => {
  const said = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.textContent.trim()).join('');
  const style = getComputedStyle(element);
  if (!said || style.visibility === 'hidden' || style.display === 'none') return [];
  let under = element, ground;
  do { ground = getComputedStyle(under).backgroundColor; under = under.parentElement; } while (under && /, 0\\)$|transparent/.test(ground));
  const colour = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
  return [{said, colour, ground, size: parseFloat(style.fontSize), weight: parseInt(style.fontWeight), opacity: style.opacity}];
})
"""
OUTSIDE = """
[...document.querySelectorAll('body *')]
  .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !element.closest('WITHIN'))
  .map(element => `${element.tagName} ${element.textContent.slice(0, 40)}`)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the command writes, of every situation."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    many: dict[str, dict[str, Callable[[], Any]]] = {
        "workload": {**SITUATIONS, "long": lambda: renamed(SITUATIONS["moved"](), "cpu-amx")},
        "trial": {**TRIALS, "recorded": recorded, "long": lambda: renamed(TRIALS["decided"](), "inf2-xlarge")},
    }
    for kind, situations in many.items():
        for name, seen in situations.items():
            with fake_api(folder) as (api, config):
                said = seen()
                (one,) = (said.trial,) if kind == "trial" else said.workloads
                api.put("acceleratortrials" if kind == "trial" else "inferenceworkloads", one)
                for pool in said.pools or ():
                    api.put("acceleratorpools", pool)
                if kind == "trial" and said.workload is not None:
                    api.put("inferenceworkloads", said.workload)
                made[f"{kind}-{name}"] = to = folder / f"{kind}-{name}.html"
                words = ["report", one["metadata"]["name"], "-n", one["metadata"]["namespace"], "--to", str(to)]
                assert main(["--kubeconfig", config, *words, *(["--trial"] if kind == "trial" else [])]) == 0
    return made


def renamed(seen: Any, pool: str) -> Any:
    """With a pool of a long name."""
    raw = {each.name: getattr(seen, each.name) for each in fields(seen) if each.name in {"workloads", "workload", "trial", "pools"}}
    return replace(seen, **json.loads(json.dumps(raw).replace(pool, LONG)))


@pytest.fixture(params=NAMES)
def shown(request: pytest.FixtureRequest, browser: Chromium, pages: dict[str, Path]) -> Iterator[Shown]:
    tab = browser.page()
    yield Shown(request.param, pages[request.param], tab, tab.open(pages[request.param]))
    tab.close()


class Shown:
    """One page that is open. `asked`: everything that the browser asked for to show it."""

    def __init__(self, name: str, file: Path, tab: Tab, asked: list[str]) -> None:
        self.name, self.file, self.tab, self.asked = name, file, tab, asked


def test_it_opens_offline_as_one_small_file_without_a_script(shown: Shown) -> None:
    assert shown.asked == [shown.file.as_uri()]
    assert shown.file.stat().st_size < 1_000_000
    assert shown.tab.evaluate("document.scripts.length + document.querySelectorAll('link, iframe, img, object, form').length") == 0
    assert shown.tab.evaluate("document.compatMode") == "CSS1Compat"
    assert shown.tab.complaints() == []


def test_the_verdict_is_the_first_that_a_screen_reader_says(shown: Shown) -> None:
    title, *told = [(role, name) for role, name in shown.tab.read_aloud() if name]
    assert title == ("RootWebArea", shown.tab.evaluate("document.title"))
    verdict = shown.tab.evaluate("document.querySelector('h1').textContent")
    assert told[:2] == [("heading", verdict), ("StaticText", verdict)]
    assert re.search(r"Refuted|Confirmed|Inconclusive|runs|No operator|Ended|Measuring|Waiting", verdict)


def test_headings_go_down_by_one_level_at_a_time(shown: Shown) -> None:
    levels = [int(tag[1]) for tag in shown.tab.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(each => each.tagName)")]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(level <= before + 1 for before, level in itertools.pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_on_its_ground(shown: Shown, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, and 3 to 1 of large text."""
    shown.tab.look(scheme=scheme)
    texts = shown.tab.evaluate(TEXTS)
    assert len(texts) > 5
    grounds = {each["ground"] for each in texts}
    assert [luminance(ground) > 0.5 for ground in grounds] == [scheme == "light"], "the page itself is light or dark"
    for each in texts:
        large = each["size"] >= 24 or (each["size"] >= 18.66 and each["weight"] >= 700)
        assert each["opacity"] == "1"
        assert contrast(each["colour"], each["ground"]) >= (3 if large else 4.5), each
    keep(shown, scheme)


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_screen(shown: Shown, width: int) -> None:
    """Wide tables and the picture scroll within themselves, by the keyboard too."""
    shown.tab.look(width=width)
    assert shown.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert shown.tab.evaluate(OUTSIDE.replace("WITHIN", ".wide, figure")) == []
    stuck = "[...document.querySelectorAll('.wide, figure')].filter(each => each.scrollWidth > each.clientWidth + 1 && each.tabIndex < 0).length"
    assert shown.tab.evaluate(stuck) == 0
    keep(shown, f"{width} wide")


def test_paper_loses_nothing(shown: Shown) -> None:
    shown.tab.look(medium="print", width=PAPER, scrollbars=False)
    assert shown.tab.evaluate("innerWidth") == PAPER
    assert shown.tab.evaluate(OUTSIDE.replace("WITHIN", "nothing")) == []
    assert shown.tab.evaluate(
        "[...document.querySelectorAll('body, .wide, figure')].every(each => each.scrollWidth <= each.clientWidth + 1)"
    )
    assert {luminance(each["ground"]) for each in shown.tab.evaluate(TEXTS)} == {1.0}, "paper is white, whatever the screen is"
    paper = shown.tab.paper()
    assert paper.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type /Page\b", paper)) <= 4
    if shown.name in FOR_PEOPLE:
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{shown.name}.pdf").write_bytes(paper)


def keep(shown: Shown, how: str) -> None:
    """A picture for people."""
    if shown.name in FOR_PEOPLE:
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"{shown.name}, {how}.png").write_bytes(shown.tab.picture())


def luminance(colour: str) -> float:
    """Of rgb(r, g, b), as WCAG has it."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)

"""The report in a real browser without a window: what its reader sees, what a screen reader says first, and what the page asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from browser.chromium import chromium
from cluster import packages

SHOWN = """
(() => {
  const tables = {};
  let section = '';
  for (const each of document.querySelectorAll('h2, tbody')) {
    if (each.tagName === 'H2') section = each.innerText;
    else tables[section] = [...each.rows].map(row => [...row.cells].map(cell => cell.innerText));
  }
  return {first: document.querySelector('h1').innerText, tables};
})()
"""
"""The first heading, and each table under the heading of its section, as rows of cells without the head."""


def program() -> str | None:
    """Where a browser is that can be asked; None where there is none."""
    return packages.found("chromium")


def seen(file: Path) -> dict[str, Any]:
    """What the checker of a trial reads. AssertionError or OSError where the browser does not work."""
    with chromium() as browser:
        tab = browser.page()
        asked = tab.open(file.resolve())
        # The root has the title's name, which stands in the tab and not on the page.
        spoken = next((name for role, name in tab.read_aloud() if name and role != "RootWebArea"), "")
        return {"browser": browser.call("Browser.getVersion")["product"], "asked": asked, "spoken": spoken, **tab.evaluate(SHOWN)}

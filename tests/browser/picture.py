"""`python -m browser.picture`: the beginning of a report as people see it, for the docs; from a recorded trial, so that everybody gets the same."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

from browser.chromium import chromium
from browser.recorded import recorded
from steelyard.cli.report_file import content
from steelyard.cli.view.trial_report import trial_report

TO = Path(__file__).parents[2] / "docs" / "assets" / "report.png"
WIDTH, HEIGHT = 1000, 1120
COLOURS = 32
"""Of the picture: a page has few, and so it is small."""


def main() -> None:
    """Write it."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        file = Path(folder) / "report.html"
        file.write_text(content(trial_report(recorded()), "html"))
        tab = browser.page()
        tab.look(width=WIDTH, scrollbars=False)
        tab.open(file)
        seen = Image.open(io.BytesIO(tab.picture())).convert("RGB").crop((0, 0, WIDTH, HEIGHT))
    seen.quantize(COLOURS).save(TO, optimize=True)
    print(f"written: {TO.relative_to(Path.cwd())}, {TO.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

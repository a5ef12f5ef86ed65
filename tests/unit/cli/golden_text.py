"""The text that people read, kept as files. Regenerate: `PYTHONPATH=operator:tests python -m unit.cli.golden_text`, then read the diff."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from steelyard.cli.gathered import Gathered
from steelyard.cli.text.explain import show as show_explain
from steelyard.cli.text.status import show as show_status
from steelyard.cli.text.top import picture
from steelyard.cli.view.explain import explain
from steelyard.cli.view.status import status
from steelyard.cli.view.top import top
from unit.cli.situations import SITUATIONS

FOLDER = Path(__file__).parent / "golden"


def printed(print_to: Callable[[Console], None], width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, emoji=False, highlight=False)
    print_to(console)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def texts(seen: Gathered, width: int = 120) -> dict[str, str]:
    return {
        "explain": printed(lambda c: show_explain(c, explain(seen)), width),
        "status": printed(lambda c: show_status(c, status(seen), verbose=False), width),
        "status-verbose": printed(lambda c: show_status(c, status(seen), verbose=True), width),
        "top": printed(lambda c: c.print(picture(top(seen), width)), width),
    }


def regenerate() -> None:
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.txt"):
        stale.unlink()
    for name, situation in SITUATIONS.items():
        for kind, text in texts(situation()).items():
            (FOLDER / f"{name}.{kind}.txt").write_text(text)


if __name__ == "__main__":
    regenerate()

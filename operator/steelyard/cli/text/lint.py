"""`steelyard lint` as text: a line for each finding, as compilers have them, so that editors and CI find the place."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from steelyard.cli.view.lint import Finding, LintView


def show(console: Console, view: LintView) -> None:
    """The findings, and how much was looked at."""
    for each in view.findings:
        console.print(Text(_line(each)), soft_wrap=True)
    beside = f"; {view.others} of other kinds left alone" if view.others else ""
    doubts = len(view.findings) - view.errors
    console.print(Text(f"{view.objects} object(s) of Steelyard looked at{beside}: {view.errors} error(s), {doubts} doubt(s)"))


def _line(one: Finding) -> str:
    found = f" (found {one.found})" if one.found else ""
    field = f"{one.field}: " if one.field else ""
    return f"{one.file}:{one.line}: {one.weight}: {one.object}: {field}{one.do}{found}"

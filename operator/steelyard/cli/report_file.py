"""A report as the text of a file, and where that goes."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

from steelyard.cli.document import document
from steelyard.cli.page.report import page
from steelyard.cli.problem import Problem
from steelyard.cli.view.figure_row import HEADS, cells, figure_rows
from steelyard.cli.view.report import ReportView


def content(view: ReportView, form: str) -> str:
    """html, json or csv."""
    if form == "json":
        return json.dumps(document("Report", view.now, view), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        told = io.StringIO()
        csv.writer(told, lineterminator="\n").writerows([HEADS, *map(cells, figure_rows(view))])
        return told.getvalue()
    return page(view)


def put(text: str, to: str, view: ReportView) -> None:
    """Write it there; of a file, say what it holds and where it is."""
    if to == "-":
        sys.stdout.write(text)
        return
    try:
        Path(to).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(f"{to} cannot be written: {error.strerror or error}", "--to takes another file, and - for standard output") from error
    print(view.title)
    print(f"written: {to}")

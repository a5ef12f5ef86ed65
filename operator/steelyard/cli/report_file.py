"""A report as the text of a file, and where that goes."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

from steelyard.cli.document import document
from steelyard.cli.page import trial, workload
from steelyard.cli.problem import Problem
from steelyard.cli.view.figure_row import HEADS, cells, figure_rows, trial_rows
from steelyard.cli.view.report import ReportView
from steelyard.cli.view.trial_report import TrialReportView


def content(view: ReportView | TrialReportView, form: str) -> str:
    """html, json or csv."""
    if form == "json":
        return json.dumps(document(type(view).__name__.removesuffix("View"), view.now, view), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        rows = trial_rows(view) if isinstance(view, TrialReportView) else figure_rows(view)
        told = io.StringIO()
        csv.writer(told, lineterminator="\n").writerows([HEADS, *map(cells, rows)])
        return told.getvalue()
    return trial.page(view) if isinstance(view, TrialReportView) else workload.page(view)


def put(text: str, to: str, title: str | None = None) -> None:
    """Write it there; of a file, say what it holds and where it is, where a title is given."""
    if to == "-":
        sys.stdout.write(text)
        return
    try:
        Path(to).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(f"{to} cannot be written: {error.strerror or error}", "--to takes another file, and - for standard output") from error
    if title is not None:
        print(title)
        print(f"written: {to}")

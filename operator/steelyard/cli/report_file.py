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
from steelyard.cli.view.report import ReportView
from steelyard.cli.view.sheet import report_sheet, trial_sheet
from steelyard.cli.view.trial_report import TrialReportView


def content(view: ReportView | TrialReportView, form: str) -> str:
    """html, json or csv."""
    if form == "json":
        return json.dumps(document(type(view).__name__.removesuffix("View"), view.now, view), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        sheet = trial_sheet(view) if isinstance(view, TrialReportView) else report_sheet(view)
        told = io.StringIO()
        csv.writer(told, lineterminator="\n").writerows([sheet.heads, *sheet.rows])
        return told.getvalue()
    return trial.page(view) if isinstance(view, TrialReportView) else workload.page(view)


def put(text: str, to: str, title: str) -> None:
    """Write it there; of a file, say what it holds and where it is."""
    if to == "-":
        sys.stdout.write(text)
        return
    try:
        Path(to).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(f"{to} cannot be written: {error.strerror or error}", "--to takes another file, and - for standard output") from error
    print(title)
    print(f"written: {to}")

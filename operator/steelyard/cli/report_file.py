"""A report as the text of a file, and where that goes."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from steelyard.cli.document import document
from steelyard.cli.page import trial, workload
from steelyard.cli.problem import Problem
from steelyard.cli.recorded import record_with
from steelyard.cli.view.benchmark import benchmarks
from steelyard.cli.view.report import ReportView
from steelyard.cli.view.sheet import report_sheet, trial_sheet
from steelyard.cli.view.trial_report import TrialReportView


def content(view: ReportView | TrialReportView, form: str, signed_by: str | None = None) -> str:
    """html, json or csv. signed_by: who answers for the page."""
    if form == "json":
        return json.dumps(document(type(view).__name__.removesuffix("View"), view.now, view), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        sheet = trial_sheet(view) if isinstance(view, TrialReportView) else report_sheet(view)
        told = io.StringIO()
        csv.writer(told, lineterminator="\n").writerows([sheet.heads, *sheet.rows])
        return told.getvalue()
    return trial.page(view, signed_by) if isinstance(view, TrialReportView) else workload.page(view, signed_by)


def put_record(view: ReportView | TrialReportView, log: Path, to: Path) -> None:
    """Write the record that it rests on there: logs are rotated, and a page is asked about later."""
    if view.digest is None:
        raise Problem(
            "its status does not name the record that it rests on", "the operator names it at its next decision, if it is of this version"
        )
    put(json.dumps(record_with(view.digest, log)) + "\n", str(to))
    print(f"written: {to}: `steelyard replay {to}` decides the same again", file=sys.stderr)


def put_benchmarks(view: ReportView | TrialReportView, to: str) -> None:
    """A file for each in that folder; or all of them, one after the other, to standard output."""
    if not isinstance(view, TrialReportView):
        raise Problem(
            "a Benchmark Report is made of a trial, and this is a workload", "name a trial (`steelyard trial list`), or give --trial"
        )
    found = list(benchmarks(view))
    if not found:
        raise Problem("the trial has measured no steady load", "`steelyard trial show` says how far it is and what its pools wait for")
    if to == "-":
        yaml.safe_dump_all([each.document for each in found], sys.stdout, sort_keys=False, explicit_start=True)
        return
    _written(to, {f"{each.name}.yaml": yaml.safe_dump(each.document, sort_keys=False) for each in found})
    print(view.title)
    print(f"written: {len(found)} reports in {to}")


def _written(folder: str, files: Mapping[str, str]) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(
            f"{folder} cannot be written: {error.strerror or error}", "--to takes another folder, and - for standard output"
        ) from error


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

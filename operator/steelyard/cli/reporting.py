"""What a report is of: a workload, or a trial."""

from __future__ import annotations

from collections.abc import Callable

from steelyard.cli.connection import Connection
from steelyard.cli.gather import gather, gather_trial
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.view.period import PeriodView
from steelyard.cli.view.report import ReportView, report
from steelyard.cli.view.trial_report import TrialReportView, trial_report


def reported(
    connection: Connection, namespace: str, name: str, *, trial: bool, period: Callable[[str], PeriodView] | None = None
) -> ReportView | TrialReportView:
    """The workload of that name, or else the trial; `trial`: the trial alone. period: what a ledger has of NAMESPACE/NAME, which it is asked of
    workloads alone."""
    if period is not None:
        if trial:
            raise Problem("a ledger has the costs of workloads, and --trial asks for a trial", "leave out --ledger, or --trial")
        return report(gather(connection, namespace, name), period(f"{namespace}/{name}"))
    if trial:
        return trial_report(gather_trial(connection, namespace, name))
    try:
        return report(gather(connection, namespace, name))
    except NotThere as no_workload:
        try:
            return trial_report(gather_trial(connection, namespace, name))
        except NotThere as no_trial:
            what = f"there is neither an InferenceWorkload nor an AcceleratorTrial {name!r} in namespace {namespace!r}"
            raise NotThere(what, f"of workloads: {no_workload.todo}; of trials: {no_trial.todo}") from no_trial
        except Problem:
            raise no_workload from None  # Trials may not be read here, or are not known: that is not what was asked.

"""What a report is of: a workload, or a trial."""

from __future__ import annotations

from steelyard.cli.connection import Connection
from steelyard.cli.gather import gather, gather_trial
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.view.report import ReportView, report
from steelyard.cli.view.trial_report import TrialReportView, trial_report


def reported(connection: Connection, namespace: str, name: str, *, trial: bool) -> ReportView | TrialReportView:
    """The workload of that name, or else the trial; `trial`: the trial alone."""
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

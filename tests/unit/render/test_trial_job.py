"""The Job of a trial: that of a probe but for whose it is, when it begins, and the steady loads after its ramp."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from steelyard.cli.page.trial import SEED
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.probe import LengthRamps
from steelyard.core.placing.intent import ProbeIntent, TrialIntent
from steelyard.render import label
from steelyard.render.probe_job import BEGIN_PORT, probe_job, trial_job
from steelyard_runtime.load.beginning import Begin
from steelyard_runtime.load.probe_spec import LengthRamps as Understood
from steelyard_runtime.load.probe_spec import ProbeSpec, Steady, probe_spec
from unit.render.test_probe_job import RAMP, RICH, WORKLOAD, containers_of
from unit.render.test_what_pods_are_told import SETTINGS, values

TRIAL = WorkloadKey("shop", "half-the-cost")
INTENT = TrialIntent(
    trial=TRIAL,
    trial_uid="uid-7",
    workload=WORKLOAD,
    placement=RICH,
    ramp=replace(RAMP, between_seconds=48),
    loads=(5.0, 10.0, 20.0),
    load_seconds=80,
    begin_by=1_767_225_600.0,
    seconds=2_100,
)


def told(job: Any) -> ProbeSpec:
    """What the generator makes of it."""
    _, generator = containers_of(job)
    return probe_spec({name: value for name, value in values(generator).items() if value is not None})


def test_the_generator_draws_by_the_seed_that_a_report_names() -> None:
    assert told(trial_job(INTENT, SETTINGS)).seed == SEED


def test_the_generator_understands_when_to_begin_and_what_to_send_after_the_ramp() -> None:
    spec = told(trial_job(INTENT, SETTINGS))
    assert spec.begin == Begin(1_767_225_600.0, BEGIN_PORT)
    assert spec.steady == Steady((5.0, 10.0, 20.0), 80.0)
    assert (spec.step_seconds, spec.between_seconds, spec.seconds) == (12, 48, 2_100)


def test_where_no_load_is_known_nothing_steady_is_sent() -> None:
    assert told(trial_job(replace(INTENT, loads=()), SETTINGS)).steady is None


def test_the_generator_understands_at_which_other_lengths_and_is_told_of_none_that_nobody_asked_for() -> None:
    longer = LengthRamps(factors=(0.5, 2.0), growth=4.0, halvings=4, step_seconds=18, between_seconds=36)
    assert told(trial_job(replace(INTENT, length_ramps=longer), SETTINGS)).length_ramps == Understood((0.5, 2.0), 4.0, 4, 18.0, 36.0)
    assert told(trial_job(INTENT, SETTINGS)).length_ramps is None


def test_it_ends_by_itself_after_the_seconds_that_are_paid_for() -> None:
    job = trial_job(INTENT, SETTINGS)
    assert job["spec"]["activeDeadlineSeconds"] == INTENT.seconds and job["spec"]["backoffLimit"] == 0


def test_it_goes_with_its_trial_and_no_service_selects_its_pod() -> None:
    job = trial_job(INTENT, SETTINGS)
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("AcceleratorTrial", "half-the-cost", "uid-7", True)
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels == job["metadata"]["labels"]
    assert labels[label.TRIAL] == "half-the-cost" and label.MOVE not in labels
    assert not label.selector(WORKLOAD, RICH.key).items() <= labels.items()


def test_its_server_is_that_of_a_probe() -> None:
    probe = probe_job(WORKLOAD, "uid-3", ProbeIntent(move="m", placement=RICH, ramp=RAMP, seconds=900), SETTINGS)
    assert containers_of(trial_job(INTENT, SETTINGS))[0] == containers_of(probe)[0]


def test_each_pool_has_a_job_of_its_own_whose_name_fits_a_label() -> None:
    long = replace(INTENT, trial=WorkloadKey("shop", "a" * 40))
    other = replace(long, placement=replace(RICH, key=RICH.key._replace(pool="other")))
    names = {trial_job(each, SETTINGS)["metadata"]["name"] for each in (long, other)}
    assert len(names) == 2 and all(len(name) <= 63 for name in names)

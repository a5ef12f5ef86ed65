"""Another way to the same bytes: a CompiledModel is made anew with it only where the old one led nowhere and nobody else goes it."""

from dataclasses import replace

import pytest

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.compiling.way import MENDED, Way, begins_anew
from steelyard.core.facts.resources import CompileResources

OLD = Way("s3://modles/m", None)
FAILED = Attempts(count=1, failure=Failure(failure_class=FailureClass.USER, reason="ModelNotFound", message="m"))


@pytest.mark.parametrize("wanted", [Way("s3://models/m", None), Way("s3://modles/m", "credentials")])
def test_a_corrected_address_or_secret_begins_anew(wanted: Way) -> None:
    assert begins_anew(FAILED, OLD, wanted, shared=False)


def test_more_resources_begin_anew_what_ran_out_of_memory() -> None:
    assert FAILED.failure is not None
    short = replace(FAILED, failure=replace(FAILED.failure, failure_class=FailureClass.OUT_OF_MEMORY))
    assert begins_anew(short, OLD, replace(OLD, resources=CompileResources(4.0, 32.0)), shared=False)


def test_the_same_way_does_not_begin_anew() -> None:
    assert not begins_anew(FAILED, OLD, OLD, shared=False)


def test_one_that_is_shared_stays_for_two_with_two_ways_would_take_turns() -> None:
    assert not begins_anew(FAILED, OLD, Way("s3://models/m", None), shared=True)


@pytest.mark.parametrize("kind", sorted(set(FailureClass) - MENDED))
def test_what_no_user_has_to_mend_goes_on_as_it_is(kind: FailureClass) -> None:
    assert FAILED.failure is not None
    other = replace(FAILED, failure=replace(FAILED.failure, failure_class=kind))
    assert not begins_anew(other, OLD, Way("s3://models/m", None), shared=False)


def test_what_is_built_or_has_not_failed_stays() -> None:
    built = Built(uri="s3://a/k/manifest.json", digest="sha256:0", size_bytes=1, seconds=2.0)
    for attempts in (Attempts(), Attempts(count=1, open=True), Attempts(count=1, built=built)):
        assert not begins_anew(attempts, OLD, Way("s3://models/m", None), shared=False)

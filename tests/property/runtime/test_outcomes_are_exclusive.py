"""Every answer has exactly one outcome or none, and looser objectives never make it worse."""

from hypothesis import given
from hypothesis import strategies as st

from steelyard_runtime.serve.outcome import Outcome, judged

statuses = st.sampled_from([200, 400, 404, 408, 413, 429, 499, 500, 503])
seconds = st.floats(0, 100)
objectives = st.lists(st.floats(0.001, 1e5), max_size=4).map(lambda values: tuple(sorted(values)))


@given(statuses, seconds, objectives)
def test_only_the_clients_own_errors_have_no_outcome(status: int, took: float, wanted: tuple[float, ...]) -> None:
    outcome = judged(status, took, wanted)
    assert (outcome is None) == (400 <= status < 500 and status != 429)
    assert (outcome is Outcome.ERROR) == (status >= 500)
    if status == 200:
        assert (outcome is Outcome.GOOD) == all(took <= milliseconds / 1000 for milliseconds in wanted)


@given(seconds, objectives, st.floats(1, 10))
def test_a_looser_objective_never_makes_a_good_request_slow(took: float, wanted: tuple[float, ...], factor: float) -> None:
    if judged(200, took, wanted) is Outcome.GOOD:
        assert judged(200, took, tuple(value * factor for value in wanted)) is Outcome.GOOD

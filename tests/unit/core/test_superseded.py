"""What a workload lets go of: nothing that it uses or may soon go back to, and no more than that stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.compiling.superseded import KEPT, Known, superseded

BUILT = Attempts(count=1, built=Built(uri="s3://a/k/manifest.json", digest="sha256:0", size_bytes=1, seconds=2.0))
FAILED = Attempts(count=1, failure=Failure(failure_class=FailureClass.USER, reason="ModelNotFound", message="m"))
COMPILES = Attempts(count=1, open=True)
WAITS = Attempts()


def model(number: int, attempts: Attempts = BUILT, backend: str = "openvino") -> Known:
    return Known(f"{backend}-{number}", f"{backend}{number}", backend, f"2026-03-{number + 1:02}T00:00:00Z", attempts)


def test_the_last_few_stay_to_go_back_to_and_older_ones_go() -> None:
    models = [model(n) for n in range(7)]
    assert superseded(models, frozenset({"openvino6"}), ["openvino6"]) == ("openvino-0", "openvino-1", "openvino-2")


def test_each_back_end_has_its_own() -> None:
    models = [model(n, backend=b) for n in range(4) for b in ("openvino", "onnxruntime")]
    assert superseded(models, frozenset({"openvino3", "onnxruntime3"}), []) == ()


def test_what_still_serves_stays_however_old_it_is() -> None:
    models = [model(n) for n in range(7)]
    assert superseded(models, frozenset({"openvino6"}), ["openvino0"]) == ("openvino-1", "openvino-2")


def test_what_failed_or_never_began_goes_at_once_and_what_is_being_compiled_when_it_has_ended() -> None:
    models = [model(0, FAILED), model(1, WAITS), model(2, COMPILES), model(3)]
    assert superseded(models, frozenset({"openvino3"}), []) == ("openvino-0", "openvino-1")


def test_nothing_goes_while_nothing_is_asked_for_or_a_placement_does_not_tell_what_it_serves() -> None:
    models = [model(n) for n in range(9)]
    assert superseded(models, frozenset(), ["openvino8"]) == ()
    assert superseded(models, frozenset({"openvino8"}), ["openvino8", None]) == ()


states = st.sampled_from([BUILT, FAILED, COMPILES, WAITS])
keys = st.frozensets(st.integers(0, 11).map(lambda n: f"openvino{n}"), min_size=1)


@given(st.lists(states, max_size=12), keys, keys, st.randoms(use_true_random=False))
def test_what_is_used_or_compiled_never_goes_and_only_the_newest_built_ones_stay_beside_it(
    attempts: list[Attempts], asked_for: frozenset[str], served: frozenset[str], chance: object
) -> None:
    models = [model(n, each) for n, each in enumerate(attempts)]
    gone = set(superseded(models, asked_for, served))
    used = {m.name for m in models if m.key in asked_for | served or m.attempts.open}
    assert not gone & used
    stay = [m for m in models if m.name not in gone | used]
    assert all(m.attempts.built for m in stay)
    assert len(stay) == min(KEPT, sum(m.attempts.built is not None for m in models if m.name not in used))
    assert all(m.created < least.created for m in models if m.name in gone and m.attempts.built for least in stay)
    shuffled = list(models)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(superseded(shuffled, asked_for, served)) == gone

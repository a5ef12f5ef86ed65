"""However a server writes its stream of events and however it is cut on its way, the load generator sees the same events."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from steelyard_runtime.load.events import Events

SENT = (b'{"t":1}', b'{"t":2}', b"[DONE]")
SEEN = b"".join(b"data: " + data + b"\n\n" for data in SENT)


def seen(stream: bytes, cuts: list[int]) -> bytes:
    events, places = Events(), [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return b"".join(events.ended(stream[begin:end]) for begin, end in pairwise(places))


@given(st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans(), st.booleans(), st.lists(st.integers(0, 10_000), max_size=8))
def test_line_ends_a_blank_other_fields_and_cuts_change_nothing(end: bytes, blank: bool, more: bool, cuts: list[int]) -> None:
    before = [b"event: message", b": a comment", b"id: 7"] if more else []
    lines = [line for data in SENT for line in (*before, b"data:" + b" " * blank + data, b"")]
    # A last carriage return ends its line once it is known that no line feed follows.
    assert seen(end.join(lines) + end, cuts) == (SEEN if end != b"\r" else SEEN.removesuffix(b"data: [DONE]\n\n"))


def test_an_event_of_several_lines_is_one() -> None:
    assert Events().ended(b"data: [1,\ndata: 2]\n\n") == b"data: [1, 2]\n\n"


def test_what_has_not_ended_and_what_has_no_data_is_no_event() -> None:
    events = Events()
    assert events.ended(b": ping\n\nretry: 5\n\ndata: 1\n") == b""
    assert events.ended(b"\n") == b"data: 1\n\n"

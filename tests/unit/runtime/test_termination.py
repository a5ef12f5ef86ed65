"""The termination message fits, whatever the log was."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from steelyard_runtime.termination import LIMIT, fitted, write_termination_message


@given(st.text(max_size=9000), st.text(max_size=9000))
def test_a_message_is_json_of_at_most_4096_bytes(tail: str, message: str) -> None:
    data = fitted({"result": "Failed", "message": message, "logTail": tail})
    assert len(data) <= LIMIT
    assert json.loads(data)["result"] == "Failed"


def test_the_end_of_the_log_is_kept() -> None:
    kept = json.loads(fitted({"result": "Failed", "message": "do this", "logTail": "x" * 9000 + "the last line"}))
    assert kept["logTail"].endswith("the last line")
    assert kept["message"] == "do this"


def test_a_place_that_does_not_exist_is_no_error(tmp_path: Path) -> None:
    write_termination_message({"result": "x"}, {"STEELYARD_TERMINATION_LOG": str(tmp_path / "no" / "where")})

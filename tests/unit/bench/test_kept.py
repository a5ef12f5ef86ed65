"""A benchmark that is cut off goes on where it was, with the same code alone."""

from pathlib import Path

import pytest

from bench import kept
from bench.benchmark import Row
from bench.kept import Kept, resumed


def test_rows_are_there_for_the_next_run_and_one_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    first = Kept("worlds", folder=tmp_path)
    assert first.rows() == {}
    first.add(0, [{"regret": 0.25, "reached": True, "measured": None}])
    first.add(7, [{"regret": 0.5, "reached": False, "measured": 1.0}, {"regret": 0.75, "reached": True, "measured": 1.0}])
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text() + '[8, [{"regret": 0.')

    assert Kept("worlds", folder=tmp_path).rows() == {
        0: [{"regret": 0.25, "reached": True, "measured": None}],
        7: [{"regret": 0.5, "reached": False, "measured": 1.0}, {"regret": 0.75, "reached": True, "measured": 1.0}],
    }


def test_other_code_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in kept.CODE:
        (tmp_path / "tree" / name).mkdir(parents=True)
    source = tmp_path / "tree" / kept.CODE[0] / "law.py"
    source.write_text("RHO = 0.7\n")
    monkeypatch.setattr(kept, "ROOT", tmp_path / "tree")
    Kept("worlds", folder=tmp_path).add(0, [{"regret": 0.25}])
    assert Kept("worlds", folder=tmp_path).rows()
    source.write_text("RHO = 0.8\n")
    assert Kept("worlds", folder=tmp_path).rows() == {}


def square(number: int) -> list[Row]:
    """Played in another process."""
    return [{"number": number, "square": number * number}]


def test_only_what_is_missing_is_played_and_all_rows_come_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "cache_folder", lambda: tmp_path)
    by_an_earlier_run: Row = {"number": 8, "square": None}
    Kept("squares").add(1, [by_an_earlier_run])
    said: list[str] = []
    assert list(resumed("squares", square, [7, 8, 9], said.append)) == [*square(7), by_an_earlier_run, *square(9)]
    assert said == ["1 of 3 were made by a run of the same code that was cut off", "1 of 3: 7", "2 of 3: 8", "3 of 3: 9"]
    assert Kept("squares").rows() == {0: square(7), 1: [by_an_earlier_run], 2: square(9)}

"""A benchmark that is cut off goes on where it was, with the same code alone."""

from pathlib import Path

import pytest

from bench import kept
from bench.kept import Kept


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

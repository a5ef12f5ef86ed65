import json
import subprocess
import sys

import pytest

from steelyard.cli import watching
from steelyard.cli.main import main
from steelyard.cli.problem import Problem
from unit.cli.situations import balanced, exploring


@pytest.fixture
def readings(monkeypatch):
    """What each reading finds; afterwards the user presses Ctrl-C."""
    waiting = []

    def read(connection, namespace, workload=None):
        if not waiting:
            raise KeyboardInterrupt
        found = waiting.pop(0)
        if isinstance(found, Problem):
            raise found
        return found

    monkeypatch.setattr(watching, "connect", lambda arguments: (None, "shop"))
    monkeypatch.setattr("steelyard.cli.gather.gather", read)
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: None)
    return waiting


def test_without_a_terminal_one_table_follows_the_other_until_interrupted(readings, capsys):
    readings += [balanced(), exploring()]
    assert main(["top"]) == 0
    out = capsys.readouterr().out
    assert out.count("steelyard top  shop") == 2
    assert "Shift to cpu-amx" in out
    assert "\x1b" not in out


def test_once_is_once(readings, capsys):
    readings += [balanced(), exploring()]
    assert main(["top", "--once"]) == 0
    assert capsys.readouterr().out.count("steelyard top  shop") == 1


def test_a_failed_reading_keeps_the_last_picture_and_says_so(readings, capsys):
    readings += [balanced(), *[Problem("cannot reach the API server", "wait")] * 3, balanced()]
    assert main(["top"]) == 0
    out = capsys.readouterr().out
    assert out.count("cannot reach the API server: the figures above are as of 12:00:00 UTC") == 1, "once, however long it lasts"
    assert out.count("steelyard top  shop") == 2


def test_a_first_reading_that_fails_is_an_error(readings, capsys):
    readings += [Problem("cannot reach the API server", "check the VPN")]
    assert main(["top"]) == 2
    assert capsys.readouterr().err == "error: cannot reach the API server\n  try: check the VPN\n"


def test_json_is_one_object_a_line(readings, capsys):
    readings += [balanced(), Problem("gone", "wait"), exploring()]
    assert main(["top", "-o", "json"]) in {0, 130}
    out, err = capsys.readouterr()
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["Top", "Top"]
    assert err == "error: gone\n"


def test_on_a_terminal_it_is_live(readings, monkeypatch):
    from io import StringIO

    from rich.console import Console

    screen = Console(file=StringIO(), force_terminal=True, width=120, markup=False)
    monkeypatch.setattr(watching, "console", lambda: screen)
    readings += [balanced(), exploring(), Problem("gone", "wait")]
    assert main(["top"]) == 0
    shown = screen.file.getvalue()
    assert "\x1b[?1049h" in shown
    assert shown.endswith("\x1b[?1049l\x1b[?25h") or "\x1b[?1049l" in shown
    assert "gone: the figures are as of 12:00:00 UTC" in shown


@pytest.mark.parametrize("interval", ["0", "0.1", "abc", "99999"])
def test_the_interval_is_bounded(interval, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["top", "--interval", interval])
    assert ended.value.code == 2
    assert "--interval" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error():
    code = "import sys; from steelyard.cli.main import main; sys.exit(main(['completion', 'fish']))"
    both = f'set -o pipefail; "{sys.executable}" -c "{code}" | true'
    done = subprocess.run(["bash", "-c", both], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_explain_is_watched_with_what_is_under_way_before_what_changes_by_hours(readings, capsys):
    readings += [balanced(), exploring()]
    assert main(["explain", "minilm", "-w"]) == 0
    first, second = capsys.readouterr().out.split("steelyard explain  shop/minilm")[1:]
    assert "Move under way" not in first
    assert second.index("Move under way") < second.index("Pools")


def test_explain_as_json_is_one_object_a_line_while_it_is_watched(readings, capsys):
    readings += [balanced(), exploring()]
    assert main(["explain", "minilm", "-w", "-o", "json"]) in {0, 130}
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["kind"] for each in told] == ["Explanation", "Explanation"]
    assert told[0]["move"] is None and told[1]["move"]["step"] == "Shift"

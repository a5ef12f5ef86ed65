import json
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console

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
    monkeypatch.setattr("steelyard.cli.gather.gather_live", read)
    monkeypatch.setattr("steelyard.cli.gather.gather_told", read)
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: None)
    return waiting


def test_without_a_terminal_a_line_says_what_is_new_until_interrupted(readings, capsys):
    readings += [balanced(), exploring(), exploring()]
    assert main(["top"]) == 0
    out = capsys.readouterr().out
    assert out.count("shop/minilm: on cpu-avx, 2/2 ready") == 1, "what stays as it is is told once"
    assert out.count("12:00:00 shop/minilm: Exploration from cpu-avx to cpu-amx: step Shift") == 1
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
    assert out.count("12:00:00 it can be read again") == 1


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
    screen = Console(file=StringIO(), force_terminal=True, width=120, height=40, markup=False, _environ={"TERM": "xterm"})
    monkeypatch.setattr(watching, "console", lambda: screen)
    readings += [balanced(), exploring(), Problem("gone", "wait")]
    assert main(["top"]) == 0
    shown = screen.file.getvalue()
    assert "\x1b[?1049h" in shown
    assert shown.endswith("\x1b[?1049l\x1b[?25h") or "\x1b[?1049l" in shown
    assert "gone: the figures are as of 12:00:00 UTC" in shown


def test_between_two_readings_the_clock_of_the_picture_goes_on(readings, monkeypatch):
    screen = Console(file=StringIO(), force_terminal=True, width=120, height=40, markup=False, _environ={"TERM": "xterm"})
    monkeypatch.setattr(watching, "console", lambda: screen)
    clock = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: clock.append(clock.pop() + seconds))
    readings += [balanced(), Problem("gone", "wait")]
    assert main(["top", "--interval", "3"]) == 0
    for second in range(7):  # Of the second reading nothing came: the picture stays, and time does not stand still.
        assert f"2026-03-01 12:00:0{second} UTC" in screen.file.getvalue()
    assert "12:00:07" not in screen.file.getvalue()


def test_a_terminal_that_cannot_move_its_cursor_is_told_what_is_new(readings, monkeypatch):
    screen = Console(file=StringIO(), force_terminal=True, width=120, markup=False, _environ={"TERM": "dumb"})
    monkeypatch.setattr(watching, "console", lambda: screen)
    readings += [balanced(), exploring()]
    assert main(["explain", "minilm", "-w"]) == 0
    assert "\x1b" not in screen.file.getvalue()
    assert "step Shift" in screen.file.getvalue()


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


def test_explain_tells_a_pipe_each_step_and_each_pools_part_once(readings, capsys):
    readings += [balanced(), exploring(), exploring(), balanced()]
    assert main(["explain", "minilm", "-w"]) == 0
    out = capsys.readouterr().out
    assert out.count("step Shift: 1 replica(s) on cpu-amx take traffic") == 1
    assert out.count("cpu-amx: 1/1 ready, about 33 % of the traffic") == 1
    assert out.count("the last move, from cpu-avx to cpu-amx, ended as Explored: NotCheaper") == 2, "before the trial, and after it"


def test_explain_as_json_is_one_object_a_line_while_it_is_watched(readings, capsys):
    readings += [balanced(), exploring()]
    assert main(["explain", "minilm", "-w", "-o", "json"]) in {0, 130}
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["kind"] for each in told] == ["Explanation", "Explanation"]
    assert told[0]["move"] is None and told[1]["move"]["step"] == "Shift"

import sys

import pytest
from rich.text import Text

from steelyard.cli.text.console import console


@pytest.mark.parametrize(("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)])
def test_colours_are_for_terminals_without_no_color(monkeypatch, terminal, no_color, coloured):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = console()
    with screen.capture() as shown:
        screen.print(Text("no", style="red"))
    assert ("\x1b[" in shown.get()) is coloured


def test_a_pipe_gets_long_lines_and_columns_wins(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console().width == 160
    monkeypatch.setenv("COLUMNS", "90")
    assert console().width == 90


def test_text_of_the_cluster_is_never_markup(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    screen = console()
    with screen.capture() as shown:
        screen.print("[red]a[/red] :smile:")
    assert shown.get() == "[red]a[/red] :smile:\n"

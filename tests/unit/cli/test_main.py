import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from free_port import free_port
from steelyard.cli.group import WORKLOAD
from steelyard.cli.main import main
from steelyard.cli.parser import build
from unit.cli.fake_api import fake_api

ROOT = Path(__file__).parents[3]
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: {current}
contexts:
- name: here
  context: {{cluster: c, user: u, namespace: shop}}
clusters:
- name: c
  cluster: {{server: "{server}"}}
users:
- name: u
  user: {{}}
"""


@pytest.fixture(autouse=True)
def no_cluster_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def failure(capsys, *arguments):
    """The two lines of a failed command."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    what, todo = err.splitlines()
    assert what.startswith("error: ")
    assert todo.startswith("  try: ")
    return what, todo


def config(tmp_path, server, current="here"):
    file = tmp_path / "config"
    file.write_text(KUBECONFIG.format(server=server, current=current))
    return str(file)


def test_without_a_kubeconfig_it_says_how_to_give_one(capsys, tmp_path):
    what, todo = failure(capsys, "status")
    assert "there is no kubeconfig at ~/.kube/config" in what
    assert "--kubeconfig" in todo
    what, _ = failure(capsys, "--kubeconfig", str(tmp_path / "none"), "explain", "minilm")
    assert str(tmp_path / "none") in what


def test_a_broken_kubeconfig_is_named(capsys, tmp_path):
    file = tmp_path / "config"
    file.write_text("{[")
    what, _ = failure(capsys, "status", "--kubeconfig", str(file))
    assert f"the kubeconfig {file} cannot be used" in what


def test_an_unknown_context_is_answered_with_those_that_exist(capsys, tmp_path):
    what, todo = failure(capsys, "status", "--kubeconfig", config(tmp_path, "https://127.0.0.1:1"), "--context", "there")
    assert "has no context 'there'" in what
    assert todo == "  try: use one of: here"


@pytest.mark.parametrize("command", ["status", "explain", "report"])
def test_an_empty_name_is_no_name(capsys, tmp_path, command):
    with fake_api(tmp_path) as (_, config):
        assert main([command, "", "--kubeconfig", config]) == 2
    assert "the name of the InferenceWorkload is empty" in capsys.readouterr().err


def test_what_is_no_name_leads_to_no_other_path():
    assert WORKLOAD.path("shop", "a/b?x#y").endswith("/namespaces/shop/inferenceworkloads/a%2Fb%3Fx%23y")


def test_a_place_that_cannot_be_written_is_told_in_two_lines(capsys, tmp_path):
    (tmp_path / "out/decisions.jsonl").mkdir(parents=True)
    words = ("--example", "claim-half-true", "--days", "0.01", "--no-comparison", "--no-plots", "--out", str(tmp_path / "out"))
    assert main(["simulate", *words]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[-2].startswith("error: ") and "decisions.jsonl" in told[-2]
    assert told[-1].startswith("  try: ")


def test_an_unreachable_cluster_is_named_with_the_cause(capsys, tmp_path):
    server = f"https://127.0.0.1:{free_port()}"
    what, _ = failure(capsys, "status", "--kubeconfig", config(tmp_path, server))
    assert what == f"error: cannot reach the API server at {server}: Connection refused"


def test_wrong_usage_ends_with_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["explain"])
    assert ended.value.code == 2
    capsys.readouterr()


@pytest.mark.parametrize("typed", [["--live", "20"], ["--live=20"], ["--live", "20%", "--no-follow"]])
def test_an_option_without_a_value_says_so_where_it_gets_one_by_the_usage_of_its_command(capsys, typed):
    with pytest.raises(SystemExit) as ended:
        main(["trial", "start", "--workload", "w", "--pools", "a,b", "--budget", "2", *typed])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "usage: steelyard trial start " in told
    assert told.splitlines()[-1].startswith("steelyard trial start: error: argument --live: takes no value; found '20")


@pytest.mark.parametrize("words", [["trial", "list", "x"], ["status", "a", "b"], ["trial", "list", "--all", "--livee"]])
def test_a_word_too_many_is_told_by_the_usage_of_its_command(capsys, words):
    with pytest.raises(SystemExit):
        main(words)
    told = capsys.readouterr().err
    command = " ".join(words[: 2 if words[0] == "trial" else 1])
    assert f"usage: steelyard {command} " in told and "unrecognized arguments: " in told


@pytest.mark.parametrize("arguments", [["-n", "a", "status"], ["status", "-n", "a"], ["-n", "b", "status", "-n", "a"]])
def test_the_namespace_may_stand_before_or_after_the_command(arguments):
    assert build("steelyard").parse_args(arguments).namespace == "a"


def test_version_needs_no_cluster(capsys):
    assert main(["version", "-o", "json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"version"}


@pytest.mark.parametrize("arguments", [["--version"], ["-n", "shop", "--version"]])
def test_the_option_version_says_what_the_command_says(arguments, capsys):
    assert main(["version"]) == 0
    number = capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code, capsys.readouterr().out) == (0, number)


@pytest.mark.parametrize("seconds", ["x", "0.1", "nan"])
def test_a_wrong_interval_is_refused_in_words(seconds, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["top", "--interval", seconds])
    assert ended.value.code == 2
    assert f"must be 0.5 to 3600 seconds; found {seconds!r}" in capsys.readouterr().err


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(capsys, monkeypatch, tmp_path):
    """Somebody installed without dependencies, or took one away."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "kubernetes" or name.startswith("steelyard.cli.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    what, todo = failure(capsys, "status")
    assert what == "error: this command needs the package kubernetes, which is not installed"
    assert todo == "  try: pip install 'steelyard' (in a checkout: pip install '.')"


def test_as_a_plugin_it_calls_itself_by_what_was_typed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/kubectl-steelyard"])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: kubectl steelyard ")


def test_bash_completes_commands_and_their_options(capsys):
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = 'COMP_WORDS=(steelyard {words}); COMP_CWORD={n}; _steelyard; echo "${{COMPREPLY[@]}}"'
    ask_word = script + ask.format(words="exp", n=1)
    assert subprocess.run(["bash", "-c", ask_word], capture_output=True, text=True, check=True).stdout == "explain\n"
    ask_option = script + ask.format(words="-n shop status --all", n=4)
    assert subprocess.run(["bash", "-c", ask_option], capture_output=True, text=True, check=True).stdout == "--all-namespaces\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("tri", "trial"),
        ("trial st", "start stop"),
        ("trial start --bud", "--budget"),
        ("-n shop trial show --wa", "--watch"),
        ("trial list --bud", ""),
        ("status trial --all", "--all-namespaces"),
    ],
)
def test_bash_completes_the_second_word_of_a_group_and_its_options(words, offered, capsys):
    assert main(["completion", "bash"]) == 0
    count = len(words.split())
    ask = f'{capsys.readouterr().out}COMP_WORDS=(steelyard {words}); COMP_CWORD={count}; _steelyard; echo "${{COMPREPLY[@]}}"'
    assert subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout == f"{offered}\n"


def test_a_group_without_its_second_word_lists_them(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["trial"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        main(["trial", "--help"])
    told = capsys.readouterr().out
    assert all(f"\n    {word} " in told for word in ("start", "list", "show", "stop"))


@pytest.mark.parametrize("arguments", [["-n", "a", "trial", "list"], ["trial", "-n", "a", "list"], ["trial", "list", "-n", "a"]])
def test_the_namespace_may_stand_anywhere_around_a_group(arguments):
    assert build("steelyard").parse_args(arguments).namespace == "a"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_command(capsys, shell):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in ("status", "explain", "top", "--all-namespaces" if shell == "zsh" else "-l all-namespaces"))
    if shell == "fish":
        assert "-n '__fish_seen_subcommand_from trial' -a start\n" in script
        assert "-n '__fish_seen_subcommand_from trial; and __fish_seen_subcommand_from start' -l budget\n" in script


def test_help_and_version_load_neither_the_client_nor_rich():
    code = "import sys; from steelyard.cli.main import main; main(['version']); print([m for m in ('kubernetes', 'rich', 'pydantic') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_group_and_its_kinds_are_those_of_the_api():
    from steelyard.api.crdgen.kinds import KINDS
    from steelyard.api.kind import API_VERSION
    from steelyard.cli import group

    assert group.API_VERSION == API_VERSION
    asked = {(kind.name, kind.plural) for kind in (group.WORKLOAD, group.TRIAL, group.POOL, group.MODEL)}
    # What an autoscaler writes is asked of it, by `kubectl get starget`.
    assert asked == {(kind.name, kind.plural) for kind in KINDS if kind.name != "ScaleTarget"}

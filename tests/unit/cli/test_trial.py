"""`steelyard trial`: what it writes, what it says of a refusal, how it follows, and how it ends."""

import copy
import json
import re
from io import StringIO

import pytest
from rich.console import Console

from steelyard.cli import following, watching
from steelyard.cli.group import ROOT
from steelyard.cli.main import main
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.view.trial import trial_view
from unit.cli.fake_api import fake_api
from unit.cli.situations import NOW, balanced, pool
from unit.cli.trials import G5, INF2, WORKLOAD, compiling, decided, failed, measuring, raw, seen, unseen

TRIALS = f"{ROOT}/namespaces/shop/acceleratortrials"
START = ("trial", "start", "--workload", "embedder", "--pools", f"{INF2},{G5}", "--budget", "2.00", "--name", "half", "--no-follow")


@pytest.fixture
def api(tmp_path):
    """With what a trial needs, and the command against it."""
    with fake_api(tmp_path) as (server, config):
        server.put("inferenceworkloads", WORKLOAD)
        for name in (INF2, G5):
            server.put("acceleratorpools", pool(name, "1"))

        def call(*words):
            return main(["--kubeconfig", config, *words])

        server.call = call
        yield server


def failure(capsys, code):
    """The two lines of a failed command."""
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    what, todo = err.splitlines()
    return what.removeprefix("error: "), todo.removeprefix("  try: ")


def test_it_makes_the_trial_that_was_asked_for_and_nothing_else(api, capsys):
    words = ("--claim", f"unit cost 0.5 of {G5}", "--duration", "20m", "--deadline", "2h")
    assert api.call(*START, *words) == 0
    ((method, path, content, body),) = api.written
    assert (method, path, content) == ("POST", TRIALS, "application/json")
    assert body == {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorTrial",
        "metadata": {"name": "half", "namespace": "shop"},
        "spec": {
            "workloadName": "embedder",
            "pools": [INF2, G5],
            "budget": "2.00",
            "claims": [
                {"name": "unit-cost-0-5-of-g5-xlarge", "pool": INF2, "metric": "UnitCost", "ratio": "0.5", "relativeTo": G5},
            ],
            "durationSeconds": 1200,
            "deadlineSeconds": 7200,
        },
    }
    assert capsys.readouterr().out.splitlines() == [
        "made AcceleratorTrial shop/half",
        "`steelyard trial show half -n shop -w` follows it",
    ]


def test_as_json_the_trial_is_told_as_it_was_made(api, capsys):
    assert api.call(*START, "-o", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["name"], told["budget"], told["ended"]) == ("Trial", "half", "2.00", False)


@pytest.mark.parametrize(("found", "code", "end"), [(decided, 0, "Ended, Decided"), (failed, 1, "Ended, Deadline")])
def test_what_is_made_is_followed_to_its_end(api, capsys, found, code, end):
    api.status = found().trial["status"]
    assert api.call(*START[:-1]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "made AcceleratorTrial shop/half"
    assert any(line.startswith(end) for line in lines)
    assert api.call(*START[:-2], "other", "-o", "json") == code
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["name"], each["ended"]) for each in told] == [("other", False), ("other", True)]


def test_without_a_name_it_has_that_of_the_workload_and_the_time(api, capsys):
    assert api.call(*START[:-3], "--no-follow") == 0
    assert re.fullmatch(r"embedder-[0-9a-z]{6,7}", api.written[0][3]["metadata"]["name"])


def test_a_claim_that_cannot_be_read_makes_nothing(api, capsys):
    what, _ = failure(capsys, api.call(*START, "--claim", "half the cost"))
    assert "'half the cost' cannot be read" in what
    assert api.written == []


@pytest.mark.parametrize(
    ("other", "todo"),
    [
        ("g5-xlrge", "did you mean g5-xlarge or g5-xlarge-4 or inf2-xlarge?"),
        ("tpu", f"name it in --pools as well, or write one of {INF2}, {G5} after `of`"),
    ],
)
def test_a_claim_relative_to_what_is_no_pool_of_the_trial_makes_nothing(api, capsys, other, todo):
    what, told = failure(capsys, api.call(*START, "--claim", f"unit cost 0.5 of {other}"))
    assert what == f"a claim is relative to {other!r}, which is no pool of this trial and no instance type of one"
    assert told == todo
    assert api.written == []


def test_a_claim_relative_to_an_instance_type_of_the_other_pool_is_made(api):
    (shape, *_) = pool(G5, "1")["spec"]["shapes"]
    assert api.call(*START, "--claim", f"unit cost 0.5 of {shape['instanceType']}") == 0


def test_what_is_not_there_is_told_with_what_is_like_it_and_nothing_is_made(api, capsys):
    what, todo = failure(capsys, api.call(*START, "--workload", "embeder"))
    assert (what, todo) == ("there is no InferenceWorkload 'embeder' in namespace 'shop'", "did you mean embedder?")
    what, todo = failure(capsys, api.call(*START, "--pools", f"{INF2},g5-xlrge"))
    assert (what, todo) == ("there is no AcceleratorPool 'g5-xlrge'", "did you mean g5-xlarge or inf2-xlarge?")
    what, todo = failure(capsys, api.call(*START, "-n", "shpo"))
    assert (what, todo) == ("there is no namespace 'shpo'", "did you mean shop?")
    assert api.written == []


def test_of_a_server_that_its_owner_made_nothing_is_made(api, capsys):
    theirs = {**WORKLOAD, "spec": {**WORKLOAD["spec"], "server": {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}}}
    api.put("inferenceworkloads", theirs)
    what, todo = failure(capsys, api.call(*START))
    assert "of a server that its owner made" in what and "whose server Steelyard makes" in todo
    assert not api.written


@pytest.mark.parametrize("mode", ["Recommend", "Observe", None])
def test_of_users_own_requests_none_is_made_where_the_workload_may_not_move(api, capsys, mode):
    spec = {**WORKLOAD["spec"], "rebalancing": {} if mode is None else {"mode": mode}}
    api.put("inferenceworkloads", {**WORKLOAD, "spec": spec})
    what, todo = failure(capsys, api.call(*START, "--live"))
    assert f"is in mode {mode or 'Recommend'}" in what and "Auto" in todo and "leave --live out" in todo
    assert api.written == []
    api.put("inferenceworkloads", {**WORKLOAD, "spec": {**spec, "rebalancing": {"mode": "Auto"}}})
    assert api.call(*START, "--live") == 0


def test_who_may_not_read_workloads_and_pools_may_still_make_a_trial(api):
    for path in (f"{ROOT}/namespaces/shop/inferenceworkloads/embedder", f"{ROOT}/acceleratorpools/{INF2}"):
        api.refused["GET", path] = (403, {"message": "you may not"})
    assert api.call(*START) == 0


def test_a_refusal_of_the_api_server_names_the_field_and_what_it_must_be(api, capsys):
    causes = [
        {
            "reason": "FieldValueInvalid",
            "field": "spec.durationSeconds",
            "message": "Invalid value: 9: must not be more than deadlineSeconds",
        }
    ]
    api.refused["POST", TRIALS] = (422, {"message": 'AcceleratorTrial "half" is invalid: ...', "details": {"causes": causes}})
    what, todo = failure(capsys, api.call(*START))
    assert what == "the API server refuses it: spec.durationSeconds: must not be more than deadlineSeconds"
    assert todo.startswith("mend that; `kubectl explain`")


def test_who_may_not_make_trials_is_told_which_right_is_missing(api, capsys):
    api.refused["POST", TRIALS] = (403, {"message": 'User "u" cannot create resource "acceleratortrials"'})
    what, todo = failure(capsys, api.call(*START))
    assert what == 'User "u" cannot create resource "acceleratortrials"'
    assert "ask an administrator" in todo


@pytest.mark.parametrize(
    "words", [START, ("trial", "list"), ("trial", "show", "half"), ("trial", "stop", "half"), ("report", "x", "--trial")]
)
def test_where_the_kind_is_not_installed_it_says_how_to_install_it(api, capsys, words):
    api.kinds = ("inferenceworkloads", "acceleratorpools")
    api.refused["POST", TRIALS] = (404, {})
    what, todo = failure(capsys, api.call(*words))
    assert what == "the kind AcceleratorTrial of steelyard.dev/v1alpha1 is not installed in this cluster"
    assert "kubectl apply -f crds/" in todo


def test_of_a_name_that_is_taken_both_ways_out_are_told(api, capsys):
    api.put("acceleratortrials", {**raw(), "metadata": {"name": "half", "namespace": "shop"}})
    what, todo = failure(capsys, api.call(*START))
    assert what == "there is a trial 'half' in namespace 'shop' already"
    assert "another --name" in todo and "steelyard trial show half -n shop" in todo


def test_stop_writes_that_alone_and_says_what_stays(api, capsys):
    api.put("acceleratortrials", measuring().trial)
    assert api.call("trial", "stop", "embedder-half") == 0
    assert api.written == [("PATCH", f"{TRIALS}/embedder-half", "application/merge-patch+json", {"spec": {"stop": True}})]
    out = capsys.readouterr().out
    assert out.startswith("shop/embedder-half is told to stop: its replicas and their Jobs go.\n")
    assert "What was measured stays" in out and "what was compiled stays for the workload" in out
    api.put("acceleratortrials", decided().trial)
    assert api.call("trial", "stop", "embedder-half") == 0
    assert capsys.readouterr().out.startswith("shop/embedder-half had ended already.\n")
    what, todo = failure(capsys, api.call("trial", "stop", "embedder-hal"))
    assert (what, todo) == ("there is no AcceleratorTrial 'embedder-hal' in namespace 'shop'", "did you mean embedder-half?")


def test_the_list_has_what_goes_on_first_and_says_where_there_is_none(api, capsys):
    assert api.call("trial", "list") == 0
    assert capsys.readouterr().out.startswith("There is no AcceleratorTrial in namespace shop.")
    for name, one in (("old", decided()), ("new", failed()), ("on", measuring())):
        metadata = {"name": name, "namespace": "shop", "creationTimestamp": f"2026-03-01T{'08' if name == 'old' else '11'}:00:00Z"}
        api.put("acceleratortrials", {**one.trial, "metadata": metadata})
    assert api.call("trial", "list", "-A", "-o", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["namespace"]) == ("Trials", None)
    assert [line["name"] for line in told["trials"]] == ["on", "new", "old"]


@pytest.mark.parametrize(("found", "code"), [(unseen, 0), (measuring, 0), (decided, 0), (failed, 1)])
def test_show_ends_with_1_only_for_what_ended_without_an_answer(api, capsys, found, code):
    api.put("acceleratortrials", found().trial)
    api.put("inferenceworkloads", {**WORKLOAD, "metadata": {"name": "embedder", "namespace": "shop"}})
    assert api.call("trial", "show", "embedder-half") == code
    assert api.call("trial", "show", "embedder-half", "-o", "json") == code
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(("{", "")))
    assert (told["kind"], told["name"]) == ("Trial", "embedder-half")


@pytest.fixture
def readings(monkeypatch):
    """What each reading finds; afterwards the user presses Ctrl-C."""
    waiting = []

    def read(connection, namespace, name):
        if not waiting:
            raise KeyboardInterrupt
        found = waiting.pop(0)
        if isinstance(found, Problem):
            raise found
        return found

    class Nowhere:
        namespace = "shop"

    monkeypatch.setattr("steelyard.cli.gather.within", lambda arguments: (Nowhere(), "shop"))
    monkeypatch.setattr(following, "gather_trial", read)
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: None)
    return waiting


FOLLOW = ("trial", "show", "embedder-half", "-w")


def test_without_a_terminal_a_line_says_what_is_new_and_the_table_stands_at_the_end(readings, capsys):
    readings += [compiling(), compiling(), measuring(), Problem("cannot reach the API server", "wait"), measuring(), decided()]
    assert main([*FOLLOW]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "\x1b" not in out
    assert not any(line.startswith(("12:00:00 Waiting", "12:00:00 Measuring")) for line in lines), (
        "what each pool tells of itself, and nothing twice"
    )
    assert lines.count("12:00:00 inf2-xlarge: Waiting, its artifact compiles: 40 % [2J") == 1, "told once"
    assert "12:00:00 inf2-xlarge: ready after 95s" in lines
    assert "cannot reach the API server: the figures above are as of 12:00:00 UTC" in lines
    end = lines.index("12:00:00 Ended, Decided: each claim has its verdict.")
    table = next(number for number, line in enumerate(lines) if line.startswith("Pools"))
    assert out.count("\nPools\n") == 1 and table > end
    verdict = "inf2-xlarge: claimed 0.50 of g5-xlarge's unit cost, measured 0.83 [0.79, 0.88]: Refuted."
    assert any(line.startswith(verdict) for line in lines[end:table]), "the verdict before the table"


def test_a_trial_that_ends_without_an_answer_ends_with_1(readings, capsys):
    readings += [measuring(), failed()]
    assert main([*FOLLOW]) == 1
    assert "Ended, Deadline: spec.deadlineSeconds is over" in capsys.readouterr().out


def test_who_leaves_is_told_that_it_goes_on_and_how_to_come_back(readings, capsys):
    readings += [measuring()]
    assert main([*FOLLOW]) == 130
    out, err = capsys.readouterr()
    assert err.strip() == (
        "The trial goes on. `steelyard trial show embedder-half -n shop -w` comes back to it, `steelyard trial stop embedder-half -n shop` ends it."
    )
    assert "\nPools\n" not in out


def test_a_trial_that_is_deleted_is_no_longer_waited_for(readings, capsys):
    readings += [measuring(), NotThere("there is no AcceleratorTrial 'embedder-half'", "look elsewhere")]
    assert main([*FOLLOW]) == 2
    assert "there is no AcceleratorTrial 'embedder-half'" in capsys.readouterr().err


def test_as_json_it_is_one_object_a_line_until_it_ends(readings, capsys):
    readings += [measuring(), Problem("gone", "wait"), decided()]
    assert main([*FOLLOW, "-o", "json"]) == 0
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in out.splitlines()]
    assert [(each["kind"], each["ended"], each["decided"]) for each in told] == [("Trial", False, False), ("Trial", True, True)]
    assert err == "error: gone\n"


def test_on_a_terminal_it_changes_in_place_and_the_table_stays_when_it_is_over(readings, monkeypatch):
    screen = Console(file=StringIO(), force_terminal=True, width=120, markup=False, _environ={"TERM": "xterm"})
    monkeypatch.setattr(watching, "console", lambda: screen)
    monkeypatch.setattr(following, "console", lambda: screen)
    readings += [compiling(), measuring(), decided()]
    assert main([*FOLLOW]) == 0
    before, _, after = screen.file.getvalue().rpartition("\x1b[?1049l")
    assert "\x1b[?1049h" in before
    assert "Load until 12:05:00 UTC, in 5m; deadline in 100m." in before
    assert after.count("Pools") == 1 and "Refuted" in after.partition("Pools")[0]
    assert "steelyard trial  shop/embedder-half" not in after


def test_what_is_over_is_shown_once_and_not_in_place(readings, monkeypatch):
    screen = Console(file=StringIO(), force_terminal=True, width=120, markup=False, _environ={"TERM": "xterm"})
    monkeypatch.setattr(watching, "console", lambda: screen)
    monkeypatch.setattr(following, "console", lambda: screen)
    readings += [decided()]
    assert main([*FOLLOW]) == 0
    assert "\x1b[?1049h" not in screen.file.getvalue()
    assert screen.file.getvalue().count("Steady loads") == 1


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"metadata": 1, "spec": {"pools": "x", "claims": 3, "deadlineSeconds": "x"}, "status": {"pools": [{"steps": 1}], "conditions": 1}},
        {"spec": {"pools": [1], "deadlineSeconds": 10**18}, "metadata": {"creationTimestamp": "2026-03-01T00:00:00Z"}},
    ],
)
def test_a_malformed_trial_is_shown_as_unknown_and_breaks_nothing(broken):
    view = trial_view(seen(broken))
    assert (view.ended, view.decided, view.budget, view.deadline, view.month) == (False, False, None, None, None)


def test_a_pool_that_nobody_asked_for_is_shown_and_one_that_is_not_told_of_is_there():
    one = copy.deepcopy(decided())
    one.trial["status"]["pools"][1]["pool"] = "stray"
    assert [(p.pool, p.phase) for p in trial_view(one).pools] == [(INF2, "Measured"), (G5, None), ("stray", "Measured")]


def test_claims_of_the_pools_are_those_that_are_judged_where_the_trial_has_none():
    theirs = balanced().pools
    one = seen(raw(claims=[], pools=["cpu-amx", "cpu-avx"]))
    (row,) = trial_view(type(one)(now=NOW, trial=one.trial, workload=None, pools=theirs)).claims
    assert (row.pool, row.name, row.verdict, row.source) == ("cpu-amx", "half-the-cost", None, "vendor's launch talk")
    other = seen(raw(claims=[], pools=["cpu-avx", "inf2"]))
    assert trial_view(type(one)(now=NOW, trial=other.trial, workload=None, pools=theirs)).claims == (), "of its own pools alone"

"""A move that is watched: what a screen of some size shows of it at some moment, and what a follower is told."""

import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from rich.console import Console
from rich.segment import Segment

from steelyard.cli.facts.event import newest_first
from steelyard.cli.facts.workload import workload
from steelyard.cli.main import main
from steelyard.cli.text.explain import live
from steelyard.cli.text.explain_news import news
from steelyard.cli.text.frame import Frame
from steelyard.cli.text.rollout import changes, time_left, trial_money
from steelyard.cli.text.top import news as news_of_top
from steelyard.cli.text.top import picture
from steelyard.cli.view.explain import explain
from steelyard.cli.view.rollout import rollout
from steelyard.cli.view.top import top
from steelyard.status.read.move import PastMove
from unit.cli.fake_api import fake_api
from unit.cli.recorded_move import SPACE, claimed_world, recorded
from unit.cli.situations import NOW, exploring, probing, routed, trialled

WHOLE = "`steelyard explain embed`"


def frame(picture, width=110, height=40):
    """The lines of a screen."""
    screen = Console(file=io.StringIO(), width=width, height=height, color_system=None, markup=False)
    options = screen.options.update(width=width, height=height)
    lines = Segment.split_lines(screen.render(Frame(picture, WHOLE), options))
    return ["".join(part.text for part in line).rstrip() for line in lines]


def at(seen, seconds):
    """So many seconds after it was read."""
    return replace(explain(seen), now=seen.now + timedelta(seconds=seconds))


@pytest.fixture(scope="module")
def whole_move():
    return [explain(seen) for seen in recorded(claimed_world(), 40)]


def marked(view):
    """The line of the steps."""
    return next((line.strip() for line in frame(live(view, 110)) if "[>]" in line), None)


def test_the_steps_of_a_move_are_passed_in_order_and_the_one_under_way_is_marked(whole_move):
    seen = [marked(view) for view in whole_move]
    different = [line for place, line in enumerate(seen) if place == 0 or line != seen[place - 1]]
    assert different == [
        None,
        "[>] Surge  [ ] Shift  [ ] Bake  [ ] Drain",
        "[x] Surge  [>] Shift  [ ] Bake  [ ] Drain",
        "[>] Surge  [ ] Shift  [ ] Bake  [ ] Drain",
        "[x] Surge  [>] Shift  [ ] Bake  [ ] Drain",
        "[x] Surge  [x] Shift  [>] Bake  [ ] Drain",
        "[x] Surge  [x] Shift  [x] Bake  [>] Drain",
        None,
    ]


def test_a_probe_stands_before_the_other_steps_and_is_still_told_when_it_is_over():
    seen = [marked(explain(each)) for each in recorded(claimed_world(busy_known=False), 20)]
    assert "[>] Probe  [ ] Surge  [ ] Shift  [ ] Bake  [ ] Drain" in seen
    assert "[x] Probe  [>] Surge  [ ] Shift  [ ] Bake  [ ] Drain" in seen


def test_the_share_of_the_traffic_follows_the_ready_replicas(whole_move):
    parts = {row.pool: [] for row in whole_move[-1].rollout.shares}
    for view in whole_move:
        for row in view.rollout.shares:
            parts.setdefault(row.pool, []).append(row.traffic_percent)
        assert sum(row.traffic_percent or 0 for row in view.rollout.shares) in {0, 99, 100, 101}
    assert parts["b"][-1] == 100
    assert [part for part in parts["b"] if part] == sorted(part for part in parts["b"] if part), "it only grows"


def test_where_a_route_has_weights_the_traffic_is_told_by_them_and_shift_says_how_far_it_is():
    view = explain(routed())
    assert {row.pool: (row.traffic_percent, row.weight) for row in view.rollout.shares} == {"cpu-avx": (99, 990), "cpu-amx": (1, 10)}
    lines = [line.strip() for line in frame(live(view, 110))]
    assert "[x] Surge  [>] Shift 1 %  [ ] Bake  [ ] Drain" in lines
    assert any("step Shift 1 %, begun 11m ago" in line for line in lines)
    assert any("cpu-amx (to)" in line and line.partition("]")[2].split()[:2] == ["1", "%"] for line in lines)
    told = [line.partition(" ")[2] for line in news(None, view)]
    assert "Exploration from cpu-avx to cpu-amx: step Shift 1 %: 1 % of the requests go to cpu-amx" in told
    assert {"cpu-avx: 2/2 ready, about 99 % of the traffic", "cpu-amx: 1/1 ready, about 1 % of the traffic"} <= {*told}
    assert any("Shift 1 % to cpu-amx" in line for line in frame(picture(top(routed()), 150), 150))


def test_a_weight_below_a_hundredth_is_not_told_as_nothing_and_what_a_route_does_not_name_gets_nothing():
    raw = routed().workloads[0]
    home, target = raw["status"]["placements"]
    home["weight"], target["weight"] = 995, 5
    assert "cpu-amx: 1/1 ready, about 0.5 % of the traffic" in {*changes(explain(replace(routed(), workloads=(raw,))).rollout)}
    home["weight"] = 1000
    del target["weight"]
    assert [row.traffic_percent for row in explain(replace(routed(), workloads=(raw,))).rollout.shares] == [100, 0]


def test_good_requests_of_a_trial_are_counted_against_what_it_needs(whole_move):
    of_target = [row for view in whole_move for row in view.rollout.shares if row.role == "To" and row.needed]
    assert {row.needed for row in of_target} == {300}
    assert any("0 of 300" in line for view in whole_move for line in frame(live(view, 110)))
    assert max(row.n or 0 for row in of_target) >= 300


def test_what_a_trial_may_cost_is_told_beside_the_days_budget(whole_move):
    told = next(view.rollout.trial for view in whole_move if view.rollout.trial)
    assert told.budget == Decimal(5) and told.spent == 0 and told.reserved is not None and 0 < told.reserved < 1
    assert any("exploration: costs at most 0.250" in line for view in whole_move for line in frame(live(view, 110)))


def test_a_trial_of_unknown_cost_makes_the_sum_unknown_and_an_old_one_does_not_count():
    one = workload(exploring().workloads[0])
    trial = {"source": "a", "target": "b", "target_revision": None, "outcome": "Explored", "reason": "NotCheaper", "kind": "Exploration"}

    def past(hours, cost, asked_by=None):
        return PastMove(**trial, time=NOW - timedelta(hours=hours), cost=cost, before=None, saved=None, unit=None, trial=asked_by)

    known = replace(one, history=(past(30, None), past(2, Decimal("0.2")), past(1, Decimal("0.3"))))
    assert rollout(known, (), NOW).trial.spent == Decimal("0.5")
    assert rollout(replace(known, history=(*known.history, past(3, None))), (), NOW).trial.spent is None
    assert rollout(replace(known, history=(*known.history, past(3, None, "half/0f6c"))), (), NOW).trial.spent == Decimal("0.5"), (
        "it is not its own"
    )


def test_top_tells_the_evidence_and_the_money_of_an_exploration_as_explain_does():
    lines = [line.strip() for line in frame(picture(top(probing()), 200), 200, 80)]
    watched = [line.strip() for line in frame(live(explain(probing()), 200), 200, 80)]
    for said in (
        "claim half-the-cost of cpu-amx relative to cpu-avx: claimed 0.500, measured not yet, n 96",
        "exploration: costs at most 0.310 EUR",
    ):
        assert any(line.startswith(said) for line in lines)
        assert any(line.startswith(said) for line in watched)


def test_top_tells_the_last_that_was_said_of_a_workload_that_moves_and_nothing_of_others():
    readings = [each for each in recorded(claimed_world(), 40) if each.workloads[0]["status"].get("move") and each.events]
    seen = readings[-1]
    assert seen.events is not None
    others = {
        **seen.events[-1],
        "message": "of another",
        "involvedObject": {"kind": "InferenceWorkload", "namespace": SPACE, "name": "other"},
    }
    view = top(replace(seen, events=(*seen.events, others)))
    (told,) = view.events or ()
    newest = [each["message"] for each in reversed(seen.events)][:2]
    assert [each.message for each in told] == newest
    lines = frame(picture(view, 200), 200, None)
    assert all(any(message in line for line in lines) for message in newest) and not any("of another" in line for line in lines)
    assert any(f"event {told[0].reason}: {told[0].message}" in line for line in news_of_top(None, view))
    assert top(replace(seen, events=None)).events is None
    assert frame(picture(top(replace(seen, events=None)), 200), 200, None)


@pytest.mark.parametrize(("spaces", "at"), [((), "/api/v1/namespaces/shop/events"), (("-A",), "/api/v1/events")])
def test_events_are_asked_for_only_where_a_workload_moves(spaces, at, tmp_path, capsys):
    moves = exploring().workloads[0]
    about = {"kind": "InferenceWorkload", "namespace": moves["metadata"]["namespace"], "name": moves["metadata"]["name"]}
    with fake_api(tmp_path) as (server, config):

        def told():
            main(["--kubeconfig", config, "top", *spaces, "--once", "-o", "json"])
            return json.loads(capsys.readouterr().out)

        still = {**moves, "status": {key: value for key, value in moves["status"].items() if key != "move"}}
        server.put("inferenceworkloads", still)
        server.refused["GET", at] = (403, {"message": "you may not"})
        assert told()["events"] == []
        server.put("inferenceworkloads", moves)
        refused = told()
        assert refused["events"] is None and any("events are not shown" in note for note in refused["notes"])
        del server.refused["GET", at]
        server.objects[f"/api/v1/namespaces/{about['namespace']}/events/e1"] = {
            "metadata": {"name": "e1", "namespace": about["namespace"]}, "involvedObject": about, "type": "Normal", "reason": "StepStarted", "message": "begun",
        }  # fmt: skip
        assert [each["reason"] for each in told()["events"][0]] == ["StepStarted"]


def test_a_trial_that_goes_on_is_told_with_its_time_and_its_money_where_its_workload_is():
    mine = "trial half of minilm: Measuring; 100m left (deadline 13:40:00 UTC); spent 0.210 of 1.84 EUR reserved"
    other = mine.replace("half of minilm: Measuring", "other of search: Waiting")
    shown = [line.strip() for line in frame(picture(top(trialled()), 120), 120, 80)]
    assert [line for line in shown if line.startswith("trial ")] == [mine, other]
    watched = [line.strip() for line in frame(live(explain(trialled()), 120), 120, 80)]
    assert [line for line in watched if line.startswith("trial ")] == [mine], "not those of others, nor those that have ended"
    assert [line.partition(" ")[2] for line in news(None, explain(trialled())) if "trial" in line] == ["trial half: Measuring"]


def test_a_trial_of_which_nothing_is_told_yet_is_no_trial_without_a_cost():
    seen = trialled()
    assert seen.trials is not None
    raw = {key: value for key, value in seen.trials[0].items() if key != "status"}
    lines = [line.strip() for line in frame(picture(top(replace(seen, trials=(raw,))), 200), 200, 80)]
    assert any(
        "not seen yet by an operator; 100m left" in line and "nothing is reserved yet of its budget of 2.00" in line for line in lines
    )


def test_a_trial_that_a_person_asked_for_is_of_that_trials_budget():
    one = workload(exploring().workloads[0])
    asked = replace(one, move=replace(one.move, trial="half/0f6c"))
    said = trial_money(rollout(asked, (), NOW))
    assert "asked for by AcceleratorTrial half;" in said and "budget for a day" not in said


def test_times_go_on_between_two_readings():
    def left(seconds):
        return next(line.strip() for line in frame(live(at(exploring(), seconds), 110)) if "left" in line and "[#" in line)

    assert "begun 11m ago, 16m left (deadline 12:16:00 UTC)" in left(0)
    assert "begun 13m ago, 14m left (deadline 12:16:00 UTC)" in left(120)
    assert left(0).count("#") < left(900).count("#")


def test_a_deadline_that_has_passed_is_no_time_left():
    move = explain(exploring()).move
    assert "has passed" in time_left(move, NOW + timedelta(hours=1)).plain
    assert "not known" in time_left(replace(move, deadline=None), NOW).plain


@pytest.mark.parametrize("height", [3, 10, 24, 200])
@pytest.mark.parametrize("width", [40, 80, 110, 200])
@pytest.mark.parametrize("seen", [exploring, probing, routed, trialled])
def test_a_frame_never_exceeds_the_screen_and_says_what_it_hides(seen, width, height):
    view = explain(seen())
    for drawn in (live(view, width), picture(top(seen()), width)):
        whole, lines = frame(drawn, width, None), frame(drawn, width, height)
        assert max(map(len, lines)) <= width
        assert len(lines) == min(height, len(whole))
        if len(whole) > height:
            assert lines[-1].startswith(f"{len(whole) - height + 1} lines more"[:width])
            assert lines[:-1] == whole[: height - 1]


def test_a_picture_that_just_fits_is_whole_and_one_line_less_is_cut():
    drawn = live(explain(exploring()), 110)
    whole = frame(drawn, 110, None)
    assert frame(drawn, 110, len(whole)) == whole
    assert frame(drawn, 110, len(whole) - 1)[-1].startswith("2 lines more")


def test_a_move_is_above_what_changes_by_hours_even_on_a_small_screen():
    lines = frame(live(explain(exploring()), 80), 80, 24)
    assert any("[>] Shift" in line for line in lines)
    assert any("cpu-amx (to)" in line for line in lines)


def test_the_newest_events_are_shown_with_how_often_they_were_seen():
    told = newest_first(
        (
            {"type": "Normal", "reason": "Old", "message": "first", "lastTimestamp": "2026-03-01T11:00:00Z", "count": 4},
            {
                "type": "Warning",
                "reason": "New",
                "message": "again\x1b[31m",
                "eventTime": "2026-03-01T11:10:00.123456Z",
                "series": {"count": 3, "lastObservedTime": "2026-03-01T11:59:00.000000Z"},
            },
            {"reason": "NoTime"},
        )
    )
    assert [(each.reason, each.count) for each in told] == [("New", 3), ("Old", 4), ("NoTime", 1)]
    lines = frame(live(replace(explain(exploring()), events=told), 110), 110, 80)
    assert [line.split() for line in lines if "again" in line] == [["60s", "ago", "Warning", "New", "again", "[31m", "(3", "times)"]]


def test_a_follower_is_told_each_step_once_and_nothing_twice(whole_move):
    told, before = [], None
    for view in whole_move:
        told += news(before, view)
        before = view
    without_time = [line.partition(" ")[2] for line in told]
    steps = [line.partition(": step ")[2].partition(":")[0] for line in without_time if ": step " in line]
    assert [step for place, step in enumerate(steps) if place == 0 or step != steps[place - 1]] == [
        "Surge", "Shift", "Surge", "Shift", "Bake", "Drain",
    ]  # fmt: skip
    assert any("the last move, from a to b, ended as Moved" in line for line in without_time)
    assert news(whole_move[-1], whole_move[-1]) == []


def test_a_move_of_a_newer_operator_is_shown_by_its_own_word():
    raw = exploring().workloads[0]
    raw["status"]["move"]["step"] = "Mirror"
    raw["status"]["move"].pop("kind")
    lines = frame(live(explain(replace(exploring(), workloads=(raw,))), 110))
    assert any(line.strip() == "[>] Mirror" for line in lines)


def test_a_move_that_goes_back_says_why():
    raw = exploring().workloads[0]
    raw["status"]["move"] |= {"step": "Back", "backReason": "NotCheaper"}
    lines = [line.strip() for line in frame(live(explain(replace(exploring(), workloads=(raw,))), 110))]
    assert "[>] Back" in lines
    assert "it goes back because of NotCheaper" in lines


def test_colour_is_never_the_only_sign():
    view = explain(exploring())
    coloured, plain = io.StringIO(), io.StringIO()
    for file, system in ((coloured, "standard"), (plain, None)):
        Console(file=file, width=110, force_terminal=True, color_system=system, markup=False).print(live(view, 110))
    assert "\x1b[" in coloured.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue()) == re.sub(r"\x1b\[[0-9;]*m", "", plain.getvalue())

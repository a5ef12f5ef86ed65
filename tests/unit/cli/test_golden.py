import copy

import pytest

from steelyard.cli.text.trial import live as live_trial
from steelyard.cli.view.trial import trial_view
from unit.cli.golden_text import FOLDER, printed, texts, trial_texts, trials_text, without_a_cluster
from unit.cli.situations import SITUATIONS
from unit.cli.trials import TRIALS


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("kind", ["explain", "status", "status-verbose", "top"])
def test_people_read_what_the_golden_file_shows(name, kind):
    assert texts(SITUATIONS[name]())[kind] == (FOLDER / f"{name}.{kind}.txt").read_text()


@pytest.mark.parametrize("name", ["simulation", "replay"])
def test_what_asks_no_cluster_is_read_as_its_golden_file_shows(name):
    assert without_a_cluster()[name] == (FOLDER / f"{name}.txt").read_text()
    assert all(max(map(len, text.splitlines())) <= width for width in (60, 80) for text in without_a_cluster(width).values())


@pytest.mark.parametrize("name", SITUATIONS)
def test_no_line_is_wider_than_the_screen(name):
    for width in (60, 80, 120, 160):
        for text in texts(SITUATIONS[name](), width).values():
            assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("name", SITUATIONS)
def test_no_control_character_of_the_cluster_reaches_the_terminal(name):
    for text in texts(SITUATIONS[name]()).values():
        assert all(character == "\n" or character.isprintable() for character in text)


def test_how_near_the_answers_of_each_pool_are_stands_beside_what_they_cost():
    seen = copy.deepcopy(SITUATIONS["balanced"]())
    (workload,) = (each for each in seen.workloads if each["metadata"]["name"] == "minilm")
    (pool,) = (each for each in workload["status"]["lastDecision"]["options"] if each["pool"] == "cpu-avx")
    pool["accuracy"] = {"measure": "LeastCosine", "value": "0.99987"}
    table = texts(seen)["explain"].partition("Pools\n")[2].split("Measured here")[0].splitlines()
    (head,) = (line for line in table if line.startswith("  POOL"))
    (avx,) = (line for line in table if line.startswith("  cpu-avx"))
    (amx,) = (line for line in table if line.startswith("  cpu-amx"))
    at = head.index("ACCURACY")
    assert "0.00381" in avx and avx[at:].startswith("0.99987")
    assert amx[at:].startswith("-")
    assert table[table.index(avx) + 1][at:].startswith("cosine")
    assert "ACCURACY" not in texts(SITUATIONS["balanced"]())["explain"], "where none were compared, there is no column of dashes"


def test_a_narrow_screen_loses_no_figure():
    text = "".join(texts(SITUATIONS["balanced"](), 60)["explain"].split())
    for figure in ("0.00381", "50,812", "99.4%"):
        assert figure in text


@pytest.mark.parametrize("name", TRIALS)
@pytest.mark.parametrize("kind", ["trial", "trial-news"])
def test_a_trial_is_read_as_its_golden_file_shows(name, kind):
    assert trial_texts(TRIALS[name]())[kind] == (FOLDER / f"{name}.{kind}.txt").read_text()


def test_the_list_of_trials_is_read_as_its_golden_file_shows():
    assert trials_text() == (FOLDER / "trials.txt").read_text()


@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_fits_the_screen_and_moves_no_cursor(name):
    for width in (60, 80, 120, 160):
        told = trial_texts(TRIALS[name](), width)
        view = trial_view(TRIALS[name]())
        live = printed(lambda c, width=width, view=view: c.print(live_trial(view, width)), width)
        for text in (told["trial"], live, trials_text(width)):
            assert max(map(len, text.splitlines())) <= width
        assert all(character == "\n" or character.isprintable() for text in told.values() for character in text)

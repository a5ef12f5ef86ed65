"""A scenario says where it is wrong and what to do; the files that it names may be anywhere."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from steelyard.api.parse import parse
from steelyard.simulate.duration import seconds
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.scenario_file import ScenarioError, load

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples/scenarios").glob("*.yaml"))
SMALL = """
pools:
  - {name: a, cpu: 4, memoryGiB: 16, nodes: 3, pricePerHour: 1}
workloads:
  - name: w
    load: {constant: 3}
    objective: {milliseconds: 200}
    truth: {a: {serviceMilliseconds: 20}}
"""
BATCHES = "batching: {alphaMilliseconds: 9, betaMilliseconds: 1, maxBatch: 8}"
TOKENS = "tokens: {floorMilliseconds: 9, sequenceMicroseconds: 50, contextMicroseconds: 0.1, promptMicroseconds: 30, kvTokens: 1000}"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    return file


def errors(text: str) -> list[str]:
    found = parse(Scenario, yaml.safe_load(text))
    assert isinstance(found, list), "it is right"
    return [str(error) for error in found]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_every_example_can_be_loaded(file):
    assert load(file).scenario.workloads


def test_the_example_of_the_documentation_is_right():
    page = (ROOT / "docs/how-to/simulate.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert isinstance(parse(Scenario, yaml.safe_load(block)), Scenario)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("serviceMilliseconds: 20", "serviceMiliseconds: 20", "workloads[0].truth.a.serviceMiliseconds: must be removed or spelt serviceMilliseconds: there is no such field (found 20)"),
        ("serviceMilliseconds: 20", "serviceMs: 20", "workloads[0].truth.a.serviceMs: must be removed or spelt serviceMilliseconds: there is no such field (found 20)"),
        ("serviceMilliseconds: 20", "serviceMilliseconds: 20, batch: 8", "workloads[0].truth.a.batch: must be removed: there is no such field here, only serviceMilliseconds, batching, tokens, spread, slots, queue, busyTold, weight, startSeconds, compileSeconds, errorPercent, minReplicas, maxReplicas, devices, replica (found 8)"),
        ("{constant: 3}", "{constant: 3, sine: {mean: 3, amplitude: 1}}", "workloads[0].load: must give exactly one of constant, steps, sine and trace"),
        ("truth: {a:", "truth: {b:", "workloads[0].truth.b: must be a pool of this scenario: a"),
        (", nodes: 3", "", "pools[0]: must give nodes, maxNodes or both: else the pool holds nothing"),
        ("nodes: 3", "nodes: 3, maxNodes: 2", "pools[0].maxNodes: must not be less than nodes, which stand from the start"),
        ("name: w", "name: W!", "workloads[0].name: must be the name of an InferenceWorkload: lower case letters, digits and \"-\", such as \"embedder\" (found 'W!')"),
        ("name: w", "name: w\n    rebalancing: {windowSeconds: 50}", "workloads[0].rebalancing.windowSeconds: must be a multiple of stepSeconds, which is 15"),
        ("nodes: 3", "nodes: 3, claims: [{ratio: 0.5}]", "pools[0].claims[0].relativeTo: must be given with ratio"),
        ("nodes: 3", "nodes: 3, claims: [{ratio: 0.5, relativeTo: z}]", "pools[0].claims[0].relativeTo: must be a pool of this scenario: a"),
        ("workloads:", "currency: euro\nworkloads:", "currency: must be three capital letters, such as USD (found 'euro')"),
        ("nodes: 3", "nodes: 3, nodeSeconds: soon", "pools[0].nodeSeconds: must be a length of time, such as 90, 15m, 6h30m or 2d (found 'soon')"),
        ("serviceMilliseconds: 20", "spread: 0", "workloads[0].truth.a: must give exactly one of serviceMilliseconds, batching and tokens"),
        ("serviceMilliseconds: 20", BATCHES + ", slots: 2", "workloads[0].truth.a.slots: must be left out with batching and tokens"),
        ("serviceMilliseconds: 20", BATCHES + ", queue: 7", "workloads[0].truth.a.queue: must be at least batching.maxBatch: a batch gathers in the queue"),
        ("serviceMilliseconds: 20", TOKENS, "workloads[0].lengths: must be given where a truth is of kind tokens"),
        ("{milliseconds: 200}", "{percent: 99}", "workloads[0].objective: must give milliseconds, ttftMilliseconds or itlMilliseconds"),
        ("{milliseconds: 200}", "{itlMilliseconds: 20}", "workloads[0].objective: must promise nothing but milliseconds where a truth is of another kind than tokens: its answers do not stream"),
        ("name: w", "name: w\n    lengths: {prompt: {mean: 3}}", "workloads[0].lengths: must give prompt and output, or list, and not both"),
        ("name: w", "name: w\n    lengths: {prompt: {mean: 3, most: 2}, output: {mean: 1}}", "workloads[0].lengths.prompt.most: must not be less than mean"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_its_field(old, new, said):
    assert old in SMALL
    assert said in errors(SMALL.replace(old, new, 1))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("{kind: PoolOutage, at: 1h}", "must give pool with kind PoolOutage"),
        ("{kind: OperatorDown, at: 1h, pool: a}", "must not give pool with kind OperatorDown"),
        ("{kind: Price, at: 1h, pool: a}", "must give exactly one of perHour and times with kind Price"),
        ("{kind: PoolOutage, at: 1h, pool: z}", "events[0].pool: must be a pool of this scenario: a"),
        ("{kind: NewRevision, at: 1h, workload: z}", "events[0].workload: must be a workload of this scenario: w"),
    ],
)
def test_an_event_needs_what_its_kind_needs_and_has_nothing_else(event, said):
    assert any(said in error for error in errors(f"{SMALL}events: [{event}]"))


def test_lengths_of_time_are_read_as_people_write_them():
    assert [seconds(each) for each in (90, "90s", "15m", "6h30m", "1.5d")] == [90, 90, 900, 23_400, 129_600]
    for wrong in ("", "5", "h", "5x", -1, None, True):
        with pytest.raises(ValueError):
            seconds(wrong)


def test_a_trace_that_nobody_has_seen_is_read_from_beside_the_scenario(tmp_path):
    (tmp_path / "loads").mkdir()
    with gzip.open(tmp_path / "loads/mine.csv.gz", "wt") as file:
        file.write("client,t_s,rate_rps\nx,100,1\nx,700,3.5\nx,1300,2\n")
    found = load(written(tmp_path, SMALL.replace("constant: 3", "trace: {file: loads/mine.csv.gz}")))
    trace = found.traces["loads/mine.csv.gz"]
    assert (list(trace.moments), list(trace.rates), trace.period) == ([0, 600, 1200], [1, 3.5, 2], 1800)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "the trace cannot be read"),
        ("time,rate\n0,1\n", "must have the columns t_s and rate_rps; there is no t_s and no rate_rps"),
        ("t_s,rate_rps\n0,1\n60,-2\n", "line 3: rate_rps must be a number of 0 or more, found '-2'"),
        ("t_s,rate_rps\n0,1\n60,nan\n", "line 3: rate_rps must be a number"),
        ("t_s,rate_rps\n60,1\n0,2\n", "line 3: t_s must grow"),
        ("t_s,rate_rps\n60,1\n", "must have at least two rows"),
    ],
)
def test_what_is_wrong_with_a_trace_is_said_by_its_line(tmp_path, text, said):
    if text is not None:
        (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ScenarioError, match=r"t\.csv") as wrong:
        load(written(tmp_path, SMALL.replace("constant: 3", "trace: {file: t.csv}")))
    assert said in str(wrong.value)


def test_pools_may_be_a_list_in_another_file(tmp_path):
    (tmp_path / "pools.yaml").write_text("- {name: a, cpu: 4, memoryGiB: 16, nodes: 1}\n")
    found = load(written(tmp_path, "pools: pools.yaml\n" + SMALL[SMALL.index("workloads:") :]))
    assert [pool.name for pool in found.scenario.pools] == ["a"]


def test_pools_may_be_the_manifests_of_a_cluster(tmp_path):
    text = SMALL[SMALL.index("workloads:") :].replace("{a: {", "{inf2-xlarge: {")
    found = load(written(tmp_path, f"pools: {ROOT / 'examples/pools-aws.yaml'}\n{text}"))
    pool = found.scenario.pools[0]
    assert (pool.name, pool.instance_type, pool.devices, pool.memory_gib, pool.price_per_hour) == (
        "inf2-xlarge",
        "inf2.xlarge",
        1,
        16,
        0.7582,
    )
    assert (pool.nodes, pool.max_nodes, pool.backend) == (0, 20, "neuron")
    assert {claim.name: claim.value for claim in pool.claims} == {"neuron-bert-base-batch": 2674.1896, "neuron-bert-base-cost": 3.41e-05}


def test_a_manifest_without_a_number_of_nodes_cannot_be_simulated_and_says_what_is_missing(tmp_path):
    with pytest.raises(ScenarioError, match=r"spec\.capacity\.maxNodes: must be given to be simulated"):
        load(written(tmp_path, f"pools: {ROOT / 'examples/pools-cpu.yaml'}\n{SMALL[SMALL.index('workloads:') :]}"))


@pytest.mark.parametrize("text", ["{[", "just words", "- a list"])
def test_what_is_no_scenario_is_refused(tmp_path, text):
    with pytest.raises(ScenarioError, match=r"scenario\.yaml: (is no YAML|must be a map)"):
        load(written(tmp_path, text))


def test_the_memory_of_a_token_server_holds_the_longest_request():
    lengths = "lengths: {prompt: {mean: 700, most: 900}, output: {mean: 100, spread: 0.5}}"
    text = SMALL.replace("serviceMilliseconds: 20", TOKENS).replace("name: w", f"name: w\n    {lengths}")
    assert errors(text) == ["workloads[0].truth.a.tokens.kvTokens: must be at least 1300, the longest request of this workload"]
    assert isinstance(parse(Scenario, yaml.safe_load(text.replace("kvTokens: 1000", "kvTokens: 1300"))), Scenario)


def test_lengths_are_drawn_from_what_is_given():
    chance = np.random.default_rng(1)
    drawn = lengths("{prompt: {mean: 300, spread: 0.5, most: 700}, output: {mean: 40}}").draw(20_000, chance)
    assert drawn[:, 0].mean() == pytest.approx(300, rel=0.02)
    assert drawn[:, 0].std() == pytest.approx(150, rel=0.05)
    assert (drawn[:, 0].min() >= 1, drawn[:, 0].max()) == (True, 700)
    assert set(drawn[:, 1]) == {40}
    listed = lengths("{list: [{prompt: 5, output: 7}, {prompt: 50, output: 70}]}")
    assert {tuple(pair) for pair in listed.draw(100, chance).tolist()} == {(5, 7), (50, 70)}
    assert (listed.longest, listed.means) == (120, (27.5, 38.5))


def lengths(text: str) -> Lengths:
    found = parse(Lengths, yaml.safe_load(text))
    assert isinstance(found, Lengths), found
    return found


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        ("serviceMilliseconds: 20", (True, True)),
        ("serviceMilliseconds: 20, busyTold: false", (False, False)),
        (TOKENS, (True, False)),
        (f"{TOKENS}, busyTold: true", (True, True)),
    ],
)
def test_a_token_server_on_devices_tells_no_busy_time_unless_the_scenario_says_so(truth, told):
    text = SMALL.replace("serviceMilliseconds: 20", truth).replace(
        "name: w", "name: w\n    lengths: {prompt: {mean: 3}, output: {mean: 1}}"
    )
    for devices, expected in zip((0, 8), told, strict=True):
        found = parse(Scenario, yaml.safe_load(text.replace("nodes: 3", f"nodes: 3, devices: {devices}")))
        assert isinstance(found, Scenario)
        assert found.workloads[0].busy_told(found.pools[0]) is expected


def test_the_lead_is_long_enough_for_the_longest_compile_and_start():
    found = parse(Scenario, yaml.safe_load(SMALL.replace("serviceMilliseconds: 20", "serviceMilliseconds: 20, compileSeconds: 50m")))
    assert isinstance(found, Scenario)
    assert found.lead_seconds >= 50 * 60 + found.pools[0].pull_seconds + 60
    assert found.lead_seconds % found.step_seconds == 0

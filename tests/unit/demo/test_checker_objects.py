"""The demo's checker on the evidence of a good run: it agrees; and to each falsehood in each of its inputs it objects."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo import checker

Evidence = dict[str, Any]
START, SECONDS = 1_800_000_000.0, 120
SLOWER, FASTER = "pool-a", "pool-b"
TOKENS = 12
"""Of the input of an encoder, and of the output of a model for text."""
PRICE = "0.40"
SHARE = (0.25 * 0.031611 + 0.75 * 0.004237) / (2 * 0.031611 + 8 * 0.004237)
"""Of a node with 2 cores and 8 GiB for a replica with a quarter of a core and 0.75 GiB."""


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat().replace("+00:00", "Z")


def good_run() -> Evidence:
    """Two minutes on the slower pool with three replicas, then two on the faster with two; ten good requests a second throughout."""
    pods, log = [], []
    for pool, begin, replicas in ((SLOWER, 0, 3), (FASTER, SECONDS, 2)):
        names = [f"encoder-{pool}-{number}" for number in range(replicas)]
        pods += [
            {
                "name": name,
                "pool": pool,
                "instanceType": "c7i.large",
                "born": START + begin,
                "died": START + begin + SECONDS,
                "cpu": "250m",
                "cpuLimit": "250m",
                "memory": "768Mi",
            }
            for name in names
        ]
        log += [
            {
                "i": len(log) + i,
                "done": START + begin + i / 10 + 0.05,
                "status": 200,
                "outcome": "good",
                "pod": names[i % replicas],
                "tokens": TOKENS,
            }
            for i in range(10 * SECONDS)
        ]

    def cost(begin: float, replicas: int) -> Evidence:
        money = replicas * SECONDS / 3600 * float(PRICE) * SHARE
        value = 1000 * money / (10 * SECONDS)
        return {"value": f"{value:.6g}", "from": moment(begin), "to": moment(begin + SECONDS), "good": 10 * SECONDS, "cost": f"{money:.6g}"}

    shape = {"instanceType": "c7i.large", "cpu": "2", "memory": "8Gi", "pricePerHour": PRICE}
    return {
        "client.jsonl": log,
        "pods.json": pods,
        "pools.json": [
            {"metadata": {"name": name}, "spec": {"shapes": [dict(shape)], "claims": claims}}
            for name, claims in ((SLOWER, [{"ratio": "0.5", "relativeTo": FASTER}]), (FASTER, []))
        ],
        "workload.json": {
            "spec": {"objective": {"latency": []}},
            "status": {
                "placements": [
                    {"pool": SLOWER, "desiredReplicas": 0, "unitCost": cost(0, 3)},
                    {"pool": FASTER, "desiredReplicas": 2, "unitCost": cost(SECONDS, 2)},
                ],
                "claims": [{"pool": SLOWER, "verdict": "Refuted", "n": 1200}],
                "history": [{"from": SLOWER, "to": FASTER, "outcome": "Moved"}],
            },
        },
        "counters.json": {SLOWER: {"good": 10 * SECONDS}, FASTER: {"good": 10 * SECONDS}},
    }


def good_run_of_text() -> Evidence:
    """The same with answers of twelve tokens, by which costs are counted."""
    evidence = good_run()
    evidence["workload.json"]["spec"]["objective"]["unit"] = "OutputTokens"
    for place in evidence["workload.json"]["status"]["placements"]:
        cost = place["unitCost"]
        tokens = TOKENS * cost["good"]
        cost["outputTokens"] = {"value": f"{1e6 * float(cost['cost']) / tokens:.6g}", "tokens": tokens}
    for counted in evidence["counters.json"].values():
        counted["output"] = TOKENS * counted["good"]
    return evidence


def judged(evidence: Evidence, folder: Path) -> subprocess.CompletedProcess[str]:
    """The checker as the demo runs it: a process of its own."""
    for name, content in evidence.items():
        text = "\n".join(json.dumps(line) for line in content) if name.endswith("jsonl") else json.dumps(content)
        (folder / name).write_text(text)
    return subprocess.run([sys.executable, "-I", checker.__file__, str(folder), FASTER], capture_output=True, text=True, check=False)


def test_what_the_client_says_of_itself_is_no_request(tmp_path: Path) -> None:
    """On a busy machine it warns that it sent requests late, in the same log."""
    evidence = good_run()
    evidence["client.jsonl"] += [
        {"summary": {"sent": 20 * SECONDS}},
        {"time": moment(1), "level": "warning", "logger": "steelyard.load", "message": "one request in a hundred left 138 ms late or more"},
    ]
    done = judged(evidence, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def one_request_failed(evidence: Evidence) -> None:
    evidence["client.jsonl"][700] |= {"status": 0, "outcome": "error", "pod": ""}


def one_request_was_not_counted(evidence: Evidence) -> None:
    evidence["counters.json"][FASTER]["good"] -= 1


def one_request_was_counted_twice(evidence: Evidence) -> None:
    evidence["counters.json"][SLOWER]["good"] += 1


def slow_ones_were_called_good(evidence: Evidence) -> None:
    for entry in evidence["client.jsonl"][:100]:
        entry["outcome"] = "slow"


def a_pod_that_nobody_saw_has_answered(evidence: Evidence) -> None:
    evidence["client.jsonl"][5]["pod"] = "stranger"


def a_pod_lived_longer(evidence: Evidence) -> None:
    evidence["pods.json"][3]["born"] -= 60
    evidence["workload.json"]["status"]["placements"][1]["unitCost"]["from"] = moment(SECONDS - 60)


def a_pod_was_larger(evidence: Evidence) -> None:
    evidence["pods.json"][4]["cpu"] = "500m"


def the_price_was_another(evidence: Evidence) -> None:
    evidence["pools.json"][1]["spec"]["shapes"][0]["pricePerHour"] = "0.80"


def the_operator_told_another_cost(evidence: Evidence) -> None:
    cost = evidence["workload.json"]["status"]["placements"][0]["unitCost"]
    cost["value"] = str(float(cost["value"]) * 1.06)


def only_one_pool_was_measured(evidence: Evidence) -> None:
    del evidence["workload.json"]["status"]["placements"][0]["unitCost"]


def it_stayed_on_the_dearer_pool(evidence: Evidence) -> None:
    evidence["workload.json"]["status"]["placements"][0]["desiredReplicas"] = 3


def the_claim_got_no_verdict(evidence: Evidence) -> None:
    evidence["workload.json"]["status"]["claims"] = []


def the_verdict_stands_on_nothing(evidence: Evidence) -> None:
    evidence["workload.json"]["status"]["claims"][0]["n"] = 1


def the_false_claim_was_confirmed(evidence: Evidence) -> None:
    evidence["workload.json"]["status"]["claims"][0]["verdict"] = "Confirmed"


def the_true_claim_was_refuted(evidence: Evidence) -> None:
    evidence["pools.json"][0]["spec"]["claims"][0]["ratio"] = "1.8"


def it_was_there_from_the_beginning(evidence: Evidence) -> None:
    evidence["workload.json"]["status"]["history"] = [{"from": FASTER, "to": SLOWER, "outcome": "Explored"}]


def it_moved_to_and_fro(evidence: Evidence) -> None:
    evidence["workload.json"]["status"]["history"] *= 2


def it_began_elsewhere(evidence: Evidence) -> None:
    claims = [pool["spec"]["claims"] for pool in evidence["pools.json"]]
    evidence["pools.json"][0]["spec"]["claims"], evidence["pools.json"][1]["spec"]["claims"] = claims[1], claims[0]


def pods_were_more_than_a_node_carries(evidence: Evidence) -> None:
    evidence["pods.json"][0] |= {"cpu": "1600m", "cpuLimit": "1600m"}


def a_pod_could_burst(evidence: Evidence) -> None:
    evidence["pods.json"][0]["cpuLimit"] = "2"


def nothing_was_sent(evidence: Evidence) -> None:
    evidence["client.jsonl"] = []


FALSEHOODS: dict[Callable[[Evidence], None], str] = {
    one_request_failed: "1 failed",
    one_request_was_not_counted: "must be equal",
    one_request_was_counted_twice: "must be equal",
    slow_ones_were_called_good: "within 2 %",
    a_pod_that_nobody_saw_has_answered: "pods that nobody saw",
    a_pod_lived_longer: "within 5 %",
    a_pod_was_larger: "within 5 %",
    the_price_was_another: "within 5 %",
    the_operator_told_another_cost: "within 5 %",
    only_one_pool_was_measured: "both pools were measured",
    it_stayed_on_the_dearer_pool: "the workload ends on",
    the_claim_got_no_verdict: "the operator says nothing",
    the_verdict_stands_on_nothing: "the operator says Refuted with n = 1",
    the_false_claim_was_confirmed: "the operator says Confirmed",
    the_true_claim_was_refuted: "was claimed: Confirmed; the operator says Refuted",
    it_was_there_from_the_beginning: "moves: none",
    it_moved_to_and_fro: "moves: pool-a to pool-b, pool-a to pool-b",
    it_began_elsewhere: "the claim is on pool-b",
    pods_were_more_than_a_node_carries: "a node has 2",
    a_pod_could_burst: "request equals its limit",
    nothing_was_sent: "0 requests sent",
}


def test_it_agrees_with_a_good_run(tmp_path: Path) -> None:
    done = judged(good_run(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout


def a_token_was_counted_twice(evidence: Evidence) -> None:
    evidence["counters.json"][SLOWER]["output"] += 1


def no_token_was_counted(evidence: Evidence) -> None:
    del evidence["counters.json"][FASTER]["output"]


def a_client_received_fewer_tokens(evidence: Evidence) -> None:
    evidence["client.jsonl"][700]["tokens"] -= 1


def the_operator_told_another_cost_of_tokens(evidence: Evidence) -> None:
    cost = evidence["workload.json"]["status"]["placements"][0]["unitCost"]["outputTokens"]
    cost["value"] = str(float(cost["value"]) * 1.06)


def the_operator_told_no_cost_of_tokens(evidence: Evidence) -> None:
    del evidence["workload.json"]["status"]["placements"][1]["unitCost"]["outputTokens"]


FALSEHOODS_OF_TEXT: dict[Callable[[Evidence], None], str] = {
    a_token_was_counted_twice: "output tokens of good requests: 14400 by the client, 14401 by the operator",
    no_token_was_counted: "14400 by the client, 0 by the operator",
    slow_ones_were_called_good: "1M output tokens of good requests cost",
    a_client_received_fewer_tokens: "14399 by the client, 14400 by the operator",
    the_operator_told_another_cost_of_tokens: "1M output tokens of good requests cost",
    the_operator_told_no_cost_of_tokens: "nan by the operator (within 5 %)",
}


def test_it_agrees_with_a_good_run_of_text_whose_costs_are_those_of_tokens(tmp_path: Path) -> None:
    done = judged(good_run_of_text(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "output tokens of good requests: 14400 by the client, 14400 by the operator" in done.stdout


@pytest.mark.parametrize(
    ("run", "falsehood", "objection"),
    [
        pytest.param(run, falsehood, objection, id=f"{run.__name__}-{falsehood.__name__}")
        for run, falsehoods in ((good_run, FALSEHOODS), (good_run_of_text, FALSEHOODS_OF_TEXT))
        for falsehood, objection in falsehoods.items()
    ],
)
def test_it_objects_when(run: Callable[[], Evidence], falsehood: Callable[[Evidence], None], objection: str, tmp_path: Path) -> None:
    evidence = run()
    falsehood(evidence)
    done = judged(evidence, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    objections = [line for line in done.stdout.splitlines() if line.strip().startswith("FAIL")]
    assert any(objection in line for line in objections), done.stdout


def test_it_does_not_agree_with_a_folder_that_lacks_something(tmp_path: Path) -> None:
    evidence = good_run()
    del evidence["pods.json"]
    assert judged(evidence, tmp_path).returncode not in {0, None}

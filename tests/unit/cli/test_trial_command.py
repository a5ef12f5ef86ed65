"""`steelyard trial start`, both ways: what it asks for is what the API takes, and a trial tells the words that ask for it again."""

import re
import shlex
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.api import AcceleratorTrial
from steelyard.api.accelerator_trial import ACCELERATOR_TRIAL
from steelyard.api.crdgen.definition import object_schema
from steelyard.api.text import LABEL, TRIAL_NAME_MAX, WORKLOAD_NAME_MAX
from steelyard.cli.claim_text import claims
from steelyard.cli.facts.trial import trial
from steelyard.cli.parser import build
from steelyard.cli.trial_command import Asked, command, manifest, name_of
from unit.cli.situations import NOW
from unit.cli.test_claim_text import POOLS, texts
from unit.cli.trials import decided

names = st.from_regex(re.compile(LABEL), fullmatch=True).filter(lambda name: len(name) <= WORKLOAD_NAME_MAX)
asked = st.builds(
    Asked,
    name=names,
    namespace=names,
    workload=names,
    pools=st.just(POOLS),
    claims=st.lists(texts(), max_size=4).map(lambda typed: claims(typed, POOLS)),
    budget=st.sampled_from(["2", "2.00", "0.000001", "999999999"]),
    duration=st.none() | st.integers(60, 120),
    deadline=st.none() | st.sampled_from([120, 7200, 604_800]),
    live=st.just(False),
    length_factors=st.sampled_from([[], ["0.5"], ["0.5", "2"], ["10", "0.25"], ["1.5"]]),
)
live = st.builds(replace, asked, live=st.just(True), length_factors=st.just([]))


def test_who_gives_the_budget_of_a_live_trial_reads_that_an_outage_is_not_in_it(capsys):
    with pytest.raises(SystemExit):
        build("steelyard").parse_args(["trial", "start", "--help"])
    told = object_schema(ACCELERATOR_TRIAL)["properties"]["spec"]["properties"]["budget"]["description"]
    for text in (capsys.readouterr().out, told):
        said = " ".join(text.split())
        assert "goes on costing" in said and "while nothing can be read" in said.lower() and "no operator runs" in said


@given(asked | live)
def test_the_words_that_a_trial_tells_ask_for_the_same(one):
    made = manifest(one)
    AcceleratorTrial.model_validate(made)
    program, *words = shlex.split(command(trial(made)))
    told = build(program).parse_args(words)
    again = Asked(
        name=one.name,
        namespace=told.namespace,
        workload=told.workload,
        pools=told.pools,
        claims=claims(told.claim, told.pools),
        budget=told.budget,
        duration=told.duration,
        deadline=told.deadline,
        live=told.live,
        length_factors=told.length_factors,
    )
    assert manifest(again) == made


@given(names, st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_name_is_short_enough_and_of_the_right_letters_and_a_later_one_comes_after(workload, at, later):
    first, second = (name_of(workload, NOW + timedelta(seconds=each)) for each in (at, at + later))
    assert re.fullmatch(LABEL, first) and len(first) <= TRIAL_NAME_MAX
    assert first < second
    assert len(name_of("w" * WORKLOAD_NAME_MAX, datetime.fromisoformat("2999-01-01T00:00:00Z"))) <= TRIAL_NAME_MAX


def test_what_is_left_out_is_left_to_the_api():
    made = manifest(Asked(name="t", namespace="n", workload="w", pools=["a", "b"], claims=[], budget="2.00", duration=None, deadline=None))
    assert made["spec"] == {"workloadName": "w", "pools": ["a", "b"], "budget": "2.00"}
    assert set(object_schema(ACCELERATOR_TRIAL)["properties"]["spec"]["required"]) == set(made["spec"])


def test_one_of_the_users_own_requests_asks_for_the_mode_and_tells_it_again():
    made = manifest(
        Asked(name="t", namespace="n", workload="w", pools=["a", "b"], claims=[], budget="2.00", duration=None, deadline=None, live=True)
    )
    assert made["spec"]["load"] == {"mode": "Live"}
    assert command(trial(made)).endswith("--pools a,b --live --budget 2.00")


def test_the_command_of_a_trial_is_one_line_to_paste():
    told = command(trial(decided().trial))
    assert told == (
        "steelyard trial start --namespace shop --workload embedder --pools inf2-xlarge,g5-xlarge --claim 'unit cost 0.50 of g5-xlarge' "
        "--claim 'throughput 60 RequestsPerSecond at saturation' --budget 2.00 --deadline 2h"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pools", "a,,b"], "must be names of pools with commas between them, each once, such as a,b; found 'a,,b'"),
        (["--pools", "a,a"], "each once"),
        (["--budget", "$2"], "must be an amount above 0 without a currency, such as 2.00; found '$2'"),
        (["--budget", "0.00"], "must be an amount above 0"),
        (["--duration", "20"], "such as 90s, 20m or 2h; found '20'"),
        (["--deadline", "soon"], "found 'soon'"),
    ],
)
def test_wrong_words_are_refused_in_words(words, said, capsys):
    right = ["--workload", "w", "--pools", "a,b", "--budget", "2.00"]
    with pytest.raises(SystemExit):
        build("steelyard").parse_args(["trial", "start", *right, *words])
    assert said in " ".join(capsys.readouterr().err.split())

"""A claim as people type it: what is well-formed is what the API takes and can be typed again, and what is not is answered with what to write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.api.accelerator_trial import TrialClaim
from steelyard.api.claim import UNITS_OF, OperatingPoint
from steelyard.api.money import DECIMAL
from steelyard.cli import claim_text
from steelyard.cli.claim_text import METRICS, POINTS, claims, written
from steelyard.cli.facts.claim import claims as read
from steelyard.cli.problem import Problem

POOLS = ("inf2-xlarge", "g5-xlarge", "cpu")

figures = st.from_regex(re.compile(DECIMAL), fullmatch=True).filter(lambda text: len(text) <= 19 and re.search("[1-9]", text))
others = st.sampled_from(["g5.xlarge", "trn1", "t4g.small"])


@st.composite
def texts(draw):
    metric = draw(st.sampled_from(sorted(METRICS)))
    unit = draw(st.sampled_from(METRICS[metric].units))
    about = draw(st.sampled_from(["", "on g5-xlarge: ", "on cpu: "]))
    ratio = f"of {draw(others)}{draw(st.sampled_from(['', f' in {unit}']))}"
    rest = draw(st.sampled_from([ratio, unit]))
    return f"{about}{metric} {draw(figures)} {rest}{draw(st.sampled_from(['', ' at saturation', ' at objective']))}"


@given(st.lists(texts(), max_size=8))
def test_what_is_well_formed_is_what_the_api_takes_and_can_be_typed_again(typed):
    found = claims(typed, POOLS)
    assert [written(each, POOLS) for each in read({"claims": found})] == typed
    for each in found:
        TrialClaim.model_validate(each)
    names = [each["name"] for each in found]
    assert len(set(names)) == len(names)


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_claim_or_answered_with_what_to_write(typed):
    try:
        (found,) = claims([typed], POOLS)
    except Problem as problem:
        assert problem.todo.startswith("write ")
    else:
        assert written(read({"claims": [found]})[0], POOLS) == " ".join(typed.split())


def test_the_words_are_those_of_the_api():
    assert {metric.word: metric.units for metric in METRICS.values()} == {
        metric.value: tuple(unit.value for unit in units) for metric, units in UNITS_OF.items()
    }
    assert set(POINTS.values()) == {point.value for point in OperatingPoint}
    assert f"^{claim_text._FIGURE.pattern}$" == DECIMAL


def test_it_is_about_the_first_pool_unless_it_says_otherwise():
    ratio, value = claims(["unit cost 0.5 of g5-xlarge", "on cpu: latency 80 Milliseconds at objective"], POOLS)
    assert ratio == {
        "name": "unit-cost-0-5-of-g5-xlarge",
        "pool": "inf2-xlarge",
        "metric": "UnitCost",
        "ratio": "0.5",
        "relativeTo": "g5-xlarge",
    }
    assert {key: value[key] for key in ("pool", "metric", "value", "unit", "at")} == {
        "pool": "cpu",
        "metric": "Latency",
        "value": "80",
        "unit": "Milliseconds",
        "at": "Objective",
    }


def test_of_the_same_text_twice_each_has_a_name_of_its_own_and_a_long_one_is_cut():
    long = f"unit cost 0.5 of {'g' * 63}"
    names = [each["name"] for each in claims([long, long, long], POOLS)]
    assert len(set(names)) == 3
    assert all(len(name) <= 63 for name in names)
    assert names[1].endswith("-2") and names[2].endswith("-3")


@pytest.mark.parametrize(
    ("typed", "what", "todo"),
    [
        ("half the cost", "cannot be read", "unit cost 0.5 of g5-xlarge"),
        ("unit cost 0.5", "cannot be read", "METRIC FIGURE of POOL"),
        ("unit cost 0.5 of g5-xlarge please", "cannot be read", "METRIC FIGURE UNIT"),
        ("price 0.5 of g5-xlarge", "'price' is no metric", "unit cost, throughput, latency or power"),
        ("unit cost 50% of g5-xlarge", "'50%' is no figure", "a decimal above 0 such as 0.5"),
        ("unit cost .5 of g5-xlarge", "'.5' is no figure", "a decimal above 0 such as 0.5"),
        ("unit cost 0.0 of g5-xlarge", "'0.0' is no figure", "a decimal above 0"),
        ("unit cost 2 Watts", "'Watts' is no unit of unit cost", "PerThousandRequests, PerMillionTokens or PerMillionInputTokens"),
        ("latency 80 ms", "'ms' is no unit of latency", "write Milliseconds, or `of POOL`"),
        ("unit cost 0.5 of g5-xlarge in Watts", "'Watts' is no unit of unit cost", "PerThousandRequests"),
        ("on g4: unit cost 0.5 of cpu", "'g4' is not a pool of this trial", "inf2-xlarge, g5-xlarge or cpu"),
        ("unit cost 0.5 of inf2-xlarge", "'inf2-xlarge' is compared with itself", "another pool after `of`"),
        ("throughput 2 of cpu at peak", "'peak' is no load", "write at saturation or objective"),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_to_write(typed, what, todo):
    with pytest.raises(Problem) as problem:
        claims([typed], POOLS)
    assert typed in problem.value.what and what in problem.value.what
    assert todo in problem.value.todo


def test_a_ratio_needs_two_pools_and_a_value_one():
    with pytest.raises(Problem) as problem:
        claims(["unit cost 0.5 of g5-xlarge"], ["inf2-xlarge"])
    assert "a ratio needs two pools" in str(problem.value) and "g5-xlarge in --pools as well" in problem.value.todo
    assert claims(["throughput 120 RequestsPerSecond"], ["inf2-xlarge"])[0]["value"] == "120"

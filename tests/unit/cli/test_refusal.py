"""What the API server's refusals become. The bodies are those of a real one (1.36)."""

import json

import pytest

from steelyard.cli.problem import Exists, Forbidden, Invalid, NotThere, Problem
from steelyard.cli.refusal import refusal

NOT_CHECKED = {
    "reason": "FieldValueInvalid",
    "message": "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to "
    "complete validation",
    "field": "<nil>",
}


def said(*causes):
    body = json.dumps({"message": "it is invalid", "details": {"causes": list(causes)}})
    return refusal("/path", 422, body.encode()).what.removeprefix("the API server refuses it: ")


@pytest.mark.parametrize(
    ("field", "message", "told"),
    [
        ("spec.budget", 'Invalid value: "$2": must be an amount, such as "1.25"', 'spec.budget: must be an amount, such as "1.25"'),
        ("spec.pools[0]", 'Invalid value: "A\\"!": must be a name: lower case', "spec.pools[0]: must be a name: lower case"),
        (
            "spec.durationSeconds",
            "Invalid value: 30: spec.durationSeconds in body should be greater than or equal to 60",
            "spec.durationSeconds: should be greater than or equal to 60",
        ),
        ("spec.claims", "Invalid value: must be about pools of this trial: each", "spec.claims: must be about pools of this trial: each"),
        ("spec.pools", "Too many: 10: must have at most 8 items", "spec.pools: Too many: 10: must have at most 8 items"),
        ("spec.pools[1]", 'Duplicate value: "a"', 'spec.pools[1]: Duplicate value: "a"'),
        ("spec.budget", "Required value", "spec.budget: Required value"),
        ("<nil>", "Invalid value: must have a name of at most 40 letters", "must have a name of at most 40 letters"),
    ],
)
def test_each_field_is_told_with_what_is_wrong_and_without_the_value(field, message, told):
    assert said({"field": field, "message": message}, NOT_CHECKED) == told


def test_of_several_fields_all_are_told():
    assert (
        said({"field": "a", "message": "Required value"}, {"field": "b", "message": "Required value"})
        == "a: Required value; b: Required value"
    )


def test_where_no_field_is_named_the_message_stands():
    assert said() == "it is invalid"
    assert refusal("/path", 422, b"not json").what == "the API server refuses it: Unprocessable Entity"


@pytest.mark.parametrize(
    ("message", "todo"),
    [
        ('acceleratortrials.steelyard.dev is forbidden: User "a" cannot create resource "acceleratortrials"', "a role with that verb"),
        ('acceleratortrials.steelyard.dev "t" is forbidden: exceeded quota: q, requested: count/acceleratortrials=1', "who set the quota"),
        ("unable to create new content in namespace shop because it is being terminated", "mend what it says"),
    ],
)
def test_who_may_not_asks_for_a_role_and_whom_a_quota_stops_does_not(message, todo):
    told = refusal("/path", 403, json.dumps({"message": message}).encode())
    assert (told.what, todo in told.todo) == (message, True)


@pytest.mark.parametrize(
    ("status", "kind"), [(403, Forbidden), (404, NotThere), (409, Exists), (422, Invalid), (500, Problem), (599, Problem)]
)
def test_what_it_is_follows_from_the_status(status, kind):
    assert type(refusal("/path", status, b"[]")) is kind


def test_nothing_that_the_cluster_says_moves_the_cursor():
    for status in (403, 422, 500):
        assert "\x1b" not in refusal("/path", status, json.dumps({"message": "a\x1b[2Jb"}).encode()).what
    assert "\x1b" not in said({"field": "a", "message": "b\x1b[2J"})

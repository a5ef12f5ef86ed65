import pytest

from steelyard.control.kube import errors
from steelyard.control.kube.errors import from_answer


def answer(reason="", message="", causes=(), retry=None):
    return {"kind": "Status", "reason": reason, "message": message, "details": {"causes": list(causes), "retryAfterSeconds": retry}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, answer("BadRequest"), errors.Invalid),
        (401, answer("Unauthorized"), errors.Unauthorized),
        (403, answer("Forbidden", "no"), errors.Forbidden),
        (403, answer("Forbidden", "pods is forbidden: exceeded quota: q, requested: pods=1"), errors.QuotaExceeded),
        (403, answer("Forbidden", "no", [{"reason": "NamespaceTerminating"}]), errors.NamespaceTerminating),
        (404, answer("NotFound"), errors.NotFound),
        (409, answer("AlreadyExists"), errors.AlreadyExists),
        (409, answer("Conflict"), errors.Conflict),
        (410, answer("Expired"), errors.Gone),
        (418, {}, errors.ApiError),
        (422, answer("Invalid"), errors.Invalid),
        (429, answer("TooManyRequests"), errors.TooManyRequests),
        (500, answer("InternalError"), errors.ServerError),
        (504, answer("Timeout"), errors.ServerError),
    ],
)
def test_each_answer_has_the_class_that_callers_act_on(status, body, expected):
    assert type(from_answer(status, body, subject="s", write=True)) is expected


def test_only_an_inconclusive_answer_to_a_write_may_have_been_committed():
    assert from_answer(500, {}, subject="s", write=True).maybe_committed
    assert not from_answer(500, {}, subject="s", write=False).maybe_committed
    assert not from_answer(429, {}, subject="s", write=True).maybe_committed
    assert errors.TimedOut("slow", write=True).maybe_committed
    assert not errors.Unreachable("refused", write=True).maybe_committed


def test_a_field_conflict_names_the_managers():
    causes = [
        {
            "reason": "FieldManagerConflict",
            "field": ".spec.replicas",
            "message": 'conflict with "hpa" with subresource "scale" using apps/v1',
        },
        {
            "reason": "FieldManagerConflict",
            "field": ".spec.type",
            "message": 'conflict with "kubectl-edit" using v1 at 2026-01-01T00:00:00Z',
        },
        {"reason": "FieldManagerConflict", "field": ".spec.x", "message": "another wording"},
    ]
    conflict = from_answer(409, answer("Conflict", "Apply failed", causes), subject="s", write=True)
    assert isinstance(conflict, errors.FieldConflict)
    assert [(o.manager, o.field, o.subresource) for o in conflict.owners] == [
        ("hpa", ".spec.replicas", "scale"),
        ("kubectl-edit", ".spec.type", None),
        ("unknown", ".spec.x", None),
    ]


def test_the_longer_of_two_waits_is_kept():
    assert from_answer(429, answer(retry=7), subject="s", write=True, retry_after=3.0).retry_after == 7.0

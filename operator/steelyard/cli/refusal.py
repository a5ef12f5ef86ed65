"""What a refusal of the API server means, and what to do about it."""

from __future__ import annotations

import json
import re
from http import HTTPStatus

from steelyard.cli.facts.plain import plain
from steelyard.cli.problem import Exists, Forbidden, Invalid, NotThere, Problem
from steelyard.status.raw import Raw
from steelyard.status.read.field import part, parts, text

_FOUND = re.compile(r'^Invalid value: ("(\\.|[^"\\])*": |\w+: )?')
_WHOLE = "<nil>"
"""The API server's name for the object itself."""
_NOT_CHECKED = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"


def refusal(path: str, status: int, body: bytes) -> Problem:
    """By the status of the answer: Forbidden, NotThere, Exists, Invalid, or another Problem."""
    told = _object(body)
    said = plain(text(told, "message") or (HTTPStatus(status).phrase if status in set(HTTPStatus) else ""))
    if status == HTTPStatus.FORBIDDEN:
        # The role-based authorizer says who cannot do what; quotas, policies and namespaces that end refuse with the same status.
        role = not said or " cannot " in said
        todo = (
            "ask an administrator for a role with that verb on that resource"
            if role
            else "mend what it says, or ask who set the quota or policy"
        )
        return Forbidden(said or path, todo)
    if status == HTTPStatus.NOT_FOUND:
        return NotThere(said or path, "check the name and the namespace")
    if status == HTTPStatus.CONFLICT:
        return Exists(said or path, "choose another name")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return Invalid(
            f"the API server refuses it: {plain(_causes(told)) or said}", "mend that; `kubectl explain` has the rules of each field"
        )
    return Problem(
        f"the API server answered {status} for {path}: {said}", "try again; `kubectl get --raw /readyz?verbose` shows its health"
    )


def _object(body: bytes) -> Raw:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _causes(told: Raw) -> str:
    """Each field with what is wrong with it, without the value that was found: whoever asked has it before them."""
    causes = []
    for cause in parts(part(told, "details"), "causes"):
        field, why = text(cause, "field") or "", _FOUND.sub("", text(cause, "message") or "").strip()
        if why != _NOT_CHECKED:
            causes.append(why if field == _WHOLE else f"{field}: {why.removeprefix(f'{field} in body ')}")
    return "; ".join(causes)

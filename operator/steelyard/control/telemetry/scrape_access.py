"""Who may read /metrics: whoever the API server authenticates by a bearer token (TokenReview) and allows to GET /metrics
(SubjectAccessReview). Its answers are believed for a minute.

Tokens are kept as digests. Both the answers that are kept and the questions that are open are bounded: whoever sends made-up tokens costs
the API server no more than `AT_ONCE` open questions, and us no more than `REMEMBERED` digests.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from steelyard.control.clock import Clock
from steelyard.control.kube.errors import ApiError
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS, Resource
from steelyard.control.log import get_logger

PATH = "/metrics"
BELIEVED_SECONDS = 60.0
REMEMBERED = 1024
AT_ONCE = 8
ANSWER_SECONDS = 5.0
"""For one answer of the API server: a scrape has ten seconds in all, as a rule."""

_log = get_logger(__name__)


class Access(Enum):
    """The answer, as an HTTP status."""

    GRANTED = 200
    UNAUTHENTICATED = 401
    """No token, or one that the API server does not know."""
    FORBIDDEN = 403
    """A known account without the right to GET /metrics."""
    UNDECIDED = 503
    """The API server did not answer, or too many questions are open. It is not remembered."""


class Reviewer(Protocol):
    """The part of the API client that reviews need."""

    async def create(self, resource: Resource, manifest: Manifest, *, within: float | None = None) -> Manifest:
        """Create an object: of a review, the answer."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    access: Access
    until: float


class ScrapeAccess:
    """Answers, with a memory."""

    def __init__(self, reviewer: Reviewer, clock: Clock) -> None:
        """`reviewer` must be neither fenced nor throttled: standbys are scraped too."""
        self._reviewer = reviewer
        self._clock = clock
        self._answers: dict[bytes, _Answer] = {}
        self._open: dict[bytes, asyncio.Task[Access]] = {}

    async def of(self, token: str) -> Access:
        """What the bearer of this token may; empty is no token."""
        if not token:
            return Access.UNAUTHENTICATED
        key = hashlib.sha256(token.encode()).digest()
        known = self._answers.get(key)
        if known is not None and self._clock.monotonic() < known.until:
            return known.access
        asking = self._open.get(key)
        if asking is None:
            if len(self._open) >= AT_ONCE:
                return Access.UNDECIDED
            asking = self._open[key] = asyncio.create_task(self._ask(key, token))
        return await asyncio.shield(asking)

    async def _ask(self, key: bytes, token: str) -> Access:
        try:
            access = await self._review(token)
        except ApiError as error:
            _log.warning("the API server did not say who may read /metrics", error=str(error))
            return Access.UNDECIDED
        finally:
            del self._open[key]
        self._answers.pop(key, None)
        while len(self._answers) >= REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = _Answer(access, self._clock.monotonic() + BELIEVED_SECONDS)
        return access

    async def _review(self, token: str) -> Access:
        found = await self._status(TOKEN_REVIEWS, {"token": token})
        if not found.get("authenticated"):
            return Access.UNAUTHENTICATED
        user = found.get("user") or {}
        asked = {
            "user": user.get("username", ""),
            "groups": user.get("groups") or [],
            "uid": user.get("uid", ""),
            "extra": user.get("extra") or {},
            "nonResourceAttributes": {"path": PATH, "verb": "get"},
        }
        allowed = (await self._status(SUBJECT_ACCESS_REVIEWS, asked)).get("allowed")
        return Access.GRANTED if allowed else Access.FORBIDDEN

    async def _status(self, review: Resource, spec: Manifest) -> dict[str, Any]:
        asked = {"apiVersion": review.api_version, "kind": review.kind, "spec": spec}
        return dict((await self._reviewer.create(review, asked, within=ANSWER_SECONDS)).get("status") or {})

# ruff: noqa: N818 - these are answers, named after what the server said
"""What the API server (or the way to it) can answer instead of success, one class an answer that callers treat differently.

Nobody branches on the text of a message. `maybe_committed` says whether a *write* that failed may have happened anyway: then the
caller must look before it acts again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """A field and the manager that owns it, as a server-side apply conflict names them."""

    manager: str
    field: str
    subresource: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why an object was refused: which field, which rule."""

    field: str
    reason: str
    message: str


class ApiError(Exception):
    """A request that did not succeed. Subclasses say how; this class alone means an answer nobody foresaw."""

    conclusive: ClassVar[bool] = True
    """Whether this answer proves that a write was not committed."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        subject: str = "",
        write: bool = False,
        retry_after: float = 0.0,
        causes: tuple[Cause, ...] = (),
    ) -> None:
        super().__init__(f"{subject}: {message}" if subject else message)
        self.message = message
        self.status = status
        self.reason = reason
        self.subject = subject
        self.retry_after = retry_after
        """Seconds the server asked us to wait; 0 if it did not say."""
        self.causes = causes
        self.maybe_committed = write and not self.conclusive


class Unauthorized(ApiError):
    """401: the credentials were not accepted, also after they were read again."""


class Forbidden(ApiError):
    """403: the role lacks a verb, or an admission rule said no."""


class QuotaExceeded(Forbidden):
    """403: a ResourceQuota of the namespace is used up."""


class NamespaceTerminating(Forbidden):
    """403: nothing can be created in a namespace that is being deleted."""


class NotFound(ApiError):
    """404: no such object, or no such resource."""


class AlreadyExists(ApiError):
    """409 on create: the name is taken."""


class Conflict(ApiError):
    """409: the object is not at the resourceVersion or uid that the write was based on."""


class FieldConflict(ApiError):
    """409 on server-side apply: other managers own fields that we would change."""

    def __init__(self, message: str, *, owners: tuple[FieldOwner, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.owners = owners


class Gone(ApiError):
    """410: a resourceVersion or a continue token is too old; list again from the start."""


class Invalid(ApiError):
    """400 or 422: the object breaks a rule. `causes` names fields; the same object will be refused again."""


class TooManyRequests(ApiError):
    """429: flow control, or an eviction that a PodDisruptionBudget forbids. Nothing was done."""


class ServerError(ApiError):
    """5xx: the server, or its etcd, could not. A write may have been committed before the answer was lost."""

    conclusive = False


class Unreachable(ApiError):
    """The connection could not be made. Nothing was sent."""


class ConnectionLost(Unreachable):
    """The connection broke after a request was (or may have been) sent."""

    conclusive = False


class TimedOut(Unreachable):
    """No answer in time."""

    conclusive = False


# 'conflict with "kubectl" with subresource "scale" using apps/v1 at 2026-01-01T00:00:00Z'
_OWNER = re.compile(r'conflict with "(?P<manager>(?:[^"\\]|\\.)*)"(?: with subresource "(?P<subresource>[^"]+)")?')


def from_answer(status: int, body: Mapping[str, Any], *, subject: str, write: bool, retry_after: float = 0.0) -> ApiError:
    """The error for a Kubernetes `Status` object that came with an HTTP status of 400 or above."""
    details = body.get("details") or {}
    causes = tuple(
        Cause(str(cause.get("field") or ""), str(cause.get("reason") or ""), str(cause.get("message") or ""))
        for cause in details.get("causes") or ()
    )
    message = str(body.get("message") or body.get("reason") or f"HTTP status {status}")
    reason = str(body.get("reason") or "")
    rest: dict[str, Any] = {
        "status": status,
        "reason": reason,
        "subject": subject,
        "write": write,
        "retry_after": max(retry_after, float(details.get("retryAfterSeconds") or 0.0)),
        "causes": causes,
    }
    owners = tuple(_field_owner(cause) for cause in causes if cause.reason == "FieldManagerConflict")
    if status == 409 and owners:
        return FieldConflict(message, owners=owners, **rest)
    return _class_for(status, reason, message, causes)(message, **rest)


def _class_for(status: int, reason: str, message: str, causes: tuple[Cause, ...]) -> type[ApiError]:
    if status == 403:
        if any(cause.reason == "NamespaceTerminating" for cause in causes):
            return NamespaceTerminating
        # The quota admission plugin gives no cause of its own: its text is all there is.
        return QuotaExceeded if "exceeded quota" in message else Forbidden
    if status == 409:
        return AlreadyExists if reason == "AlreadyExists" else Conflict
    if status >= 500:
        return ServerError
    return {400: Invalid, 401: Unauthorized, 404: NotFound, 410: Gone, 422: Invalid, 429: TooManyRequests}.get(status, ApiError)


def _field_owner(cause: Cause) -> FieldOwner:
    found = _OWNER.search(cause.message)
    if found is None:
        return FieldOwner("unknown", cause.field)
    return FieldOwner(found["manager"], cause.field, found["subresource"])

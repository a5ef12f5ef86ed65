"""Times and dates as the API server reads them."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer

Date = Annotated[date, PlainSerializer(date.isoformat, return_type=str, when_used="json")]
"""A day, YYYY-MM-DD."""


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Time = Annotated[AwareDatetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
"""A moment, RFC 3339, written in UTC with whole seconds, as Kubernetes writes its own times."""

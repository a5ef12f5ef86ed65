"""One Prometheus, asked by its query API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from typing import Any

import aiohttp
from yarl import URL

from steelyard.observe.exposition import Exposition, Labels, is_quantile, keep, number
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.series import Series

LARGEST = 64 * 1024 * 1024
"""Bytes of one answer."""
UP = "up"
"""What Prometheus itself tells of a target."""


class Prometheus:
    """At a base URL."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float) -> None:
        self._session = session
        self._url = URL(url)
        self._timeout = timeout_seconds

    @property
    def title(self) -> str:
        """As it is named to people, never with its credentials."""
        return f"Prometheus at {self._url.scheme}://{self._url.host}:{self._url.port}"

    async def ask(self, query: str) -> Any:
        """The document that it answers with. RejectedError where it is none, aiohttp's errors and OSError where there is no answer."""
        url = self._url / "api/v1/query"
        async with self._session.post(
            url, data={"query": query, "timeout": f"{round(self._timeout * 1000)}ms"}, allow_redirects=False
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > LARGEST:
                    response.close()
                    raise RejectedError(Reason.TOO_LARGE, "sent more than any honest answer")
            if response.content_type != "application/json":
                raise RejectedError(Reason.CONTENT_TYPE, f"answered {response.status} without JSON: it is not the query API")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RejectedError(Reason.SYNTAX, "sent broken JSON") from error


def series_of(document: Any) -> list[Series]:
    """The newest sample of each series. RejectedError where it is another answer."""
    try:
        if document["status"] != "success":
            raise RejectedError(Reason.QUERY, f"refused the query ({document.get('errorType', 'no reason given')})")
        if document["data"]["resultType"] != "matrix":
            raise RejectedError(Reason.SYNTAX, "answered another kind of query")
        found = []
        for each in document["data"]["result"]:
            labels = {str(name): str(value) for name, value in each["metric"].items()}
            if each.get("values"):
                at, value = max(each["values"], key=lambda pair: float(pair[0]))
                found.append(Series(labels.pop("__name__"), labels, float(at), str(value)))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RejectedError(Reason.SYNTAX, "answered with something else than the query API does") from error
    return found


def exposition_at(series: Iterable[Series], at: float, own_labels: Set[str] | None) -> Exposition:
    """What that one scrape brought: a series that is older vanished from the exporter. own_labels: those that are the server's; None: any may be."""
    by_name: dict[str, dict[Labels, float]] = {}
    for each in series:
        if each.name != UP and each.at == at:
            labels = tuple(sorted(pair for pair in each.labels.items() if own_labels is None or pair[0] in own_labels))
            if not is_quantile(labels):
                keep(by_name, each.name, labels, number(each.name, each.value))
    return Exposition(by_name, frozenset())

"""Kinds that a cluster may have or not: what is found out of them before anything is watched."""

import asyncio
from typing import Any

import pytest

from steelyard.app.config import Config
from steelyard.app.optional_kinds import OF_REQUESTS, OPTIONAL, TRIES, kinds, served, served_at_start
from steelyard.app.wiring import scopes_of
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound, ServerError, TooManyRequests, Unreachable
from steelyard.control.kube.resource import HTTP_ROUTES


class Client:
    def __init__(self, answer: ApiError | None) -> None:
        self.answer, self.asked = answer, list[str | None]()

    async def list(self, resource: Any, namespace: str | None, **_: Any) -> Any:
        self.asked.append(namespace)
        if self.answer is not None:
            raise self.answer


def found(answer: ApiError | None, before: frozenset[Any] = frozenset(), namespaces: tuple[str, ...] = ()) -> frozenset[Any]:
    return asyncio.run(served(Client(answer), OPTIONAL, namespaces, before))


def test_a_kind_that_answers_is_there() -> None:
    assert found(None) == frozenset(OPTIONAL)


@pytest.mark.parametrize("kind", [NotFound, Forbidden])
def test_a_kind_that_is_missing_or_may_not_be_listed_is_not(kind: type[ApiError]) -> None:
    assert found(kind("no", status=404), before=frozenset(OPTIONAL)) == frozenset()


def test_an_api_server_that_does_not_answer_changes_nothing() -> None:
    assert found(ServerError("no", status=503), before=frozenset(OPTIONAL)) == frozenset(OPTIONAL)
    assert found(ServerError("no", status=503)) == frozenset()


class Starting(Client):
    """An API server that was given kinds a moment ago. new: pauses until it answers for each of them. answer: what it says of them until then."""

    def __init__(self, new: dict[Any, int], answer: ApiError) -> None:
        super().__init__(None)
        self.new, self.until, self.slept = new, answer, 0

    async def list(self, resource: Any, namespace: str | None, **_: Any) -> Any:
        self.asked.append(resource.label)
        if self.new.get(resource, 0) > self.slept:
            raise self.until

    async def sleep(self, _: float) -> None:
        self.slept += 1


NOT_YET = TooManyRequests("storage is (re)initializing", status=429)


@pytest.mark.parametrize(("pauses", "there"), [(0, True), (1, True), (TRIES - 1, True), (TRIES, False)])
@pytest.mark.parametrize("new", [OPTIONAL[:1], OPTIONAL], ids=["one", "all"])
def test_at_the_start_a_kind_that_is_not_ready_is_asked_for_again_and_not_for_ever(new: Any, pauses: int, there: bool) -> None:
    client = Starting(dict.fromkeys(new, pauses), NOT_YET)
    found = asyncio.run(served_at_start(client, OPTIONAL, (), client.sleep))
    assert found == frozenset(OPTIONAL) - (frozenset() if there else frozenset(new))
    assert client.slept == min(pauses, TRIES - 1)


def test_one_that_has_answered_is_not_asked_for_again() -> None:
    client = Starting({OPTIONAL[0]: 3}, NOT_YET)
    asyncio.run(served_at_start(client, OPTIONAL, (), client.sleep))
    assert client.asked.count(OPTIONAL[1].label) == 1


@pytest.mark.parametrize("answer", [NotFound("no", status=404), Forbidden("no", status=403), Unreachable("nobody listens")])
def test_kinds_that_are_missing_or_not_ours_and_an_api_server_that_is_away_are_not_waited_for(answer: ApiError) -> None:
    client = Starting(dict.fromkeys(OPTIONAL, TRIES), answer)
    assert asyncio.run(served_at_start(client, OPTIONAL, (), client.sleep)) == frozenset()
    assert client.slept == 0


def test_an_operator_of_some_namespaces_asks_in_one_of_them() -> None:
    client = Client(None)
    asyncio.run(served(client, OPTIONAL, ("team-a", "team-b")))
    assert client.asked == ["team-a"] * len(OPTIONAL)


def test_what_is_there_is_watched_by_our_label_and_what_is_not_is_not_watched() -> None:
    (scope,) = [each for each in scopes_of(Config(), frozenset(OPTIONAL)) if each.resource == HTTP_ROUTES]
    assert scope.label_selector == "app.kubernetes.io/managed-by=steelyard"
    assert HTTP_ROUTES not in {each.resource for each in scopes_of(Config())}


def test_requests_for_capacity_are_asked_about_where_moves_may_make_them() -> None:
    assert not set(OF_REQUESTS) & set(kinds(requests=False))
    there = asyncio.run(served(Client(None), kinds(requests=True), ()))
    assert there == frozenset({*OPTIONAL, *OF_REQUESTS})
    scopes = {each.resource: each.label_selector for each in scopes_of(Config(), there)}
    assert {scopes[each] for each in OF_REQUESTS} == {"app.kubernetes.io/managed-by=steelyard"}

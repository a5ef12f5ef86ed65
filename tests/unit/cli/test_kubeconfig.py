"""The command reads a kubeconfig as kubectl does, and says of a write without an answer that it may be done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.cli import connection
from steelyard.cli.connection import Connection
from steelyard.cli.group import ROOT
from steelyard.cli.problem import Problem
from unit.cli.fake_api import FakeApi, _Handler, fake_api


@pytest.fixture
def config(tmp_path: Path) -> Any:
    """Writes one with the contexts a and b."""

    def write(server: str = "http://127.0.0.1:9", user: dict[str, Any] | None = None, **current: str) -> str:
        raw = {
            "apiVersion": "v1",
            "kind": "Config",
            "contexts": [{"name": name, "context": {"cluster": "c", "user": "u", "namespace": f"of-{name}"}} for name in "ab"],
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t", **(user or {})}}],
            **{name.replace("_", "-"): value for name, value in current.items()},
        }
        (tmp_path / "config").write_text(yaml.safe_dump(raw))
        return str(tmp_path / "config")

    return write


@pytest.mark.parametrize("current", [{}, {"current_context": ""}, {"current_context": "gone"}, {"current_context": "b"}])
def test_a_context_that_is_named_needs_no_current_one(config: Any, current: dict[str, str]) -> None:
    assert Connection.open(config(**current), "a").namespace == "of-a"


def test_without_either_it_says_that_one_has_to_be_named(config: Any) -> None:
    with pytest.raises(Problem, match="has no current context: name one with --context"):
        Connection.open(config(), None)
    with pytest.raises(Problem, match="has no context 'c'"):
        Connection.open(config(current_context="a"), "c")


def test_who_acts_as_another_does_so_here_too(tmp_path: Path, config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    read = _Handler.parse_request

    def parse_request(handler: Any) -> bool:
        done = bool(read(handler))
        seen.extend((name, value) for name, value in handler.headers.items() if name.startswith("Impersonate"))
        return done

    monkeypatch.setattr(_Handler, "parse_request", parse_request)
    user = {"as": "reader", "as-groups": ["viewers", "guests"], "as-user-extra": {"acme.com/team": ["shop"]}}
    with fake_api(tmp_path) as (api, _):
        host = f"http://127.0.0.1:{api.server_address[1]}"
        Connection.open(config(host, user, current_context="a"), None).get("/api/v1/namespaces/shop")
    assert seen == [
        ("Impersonate-User", "reader"),
        ("Impersonate-Group", "viewers"),
        ("Impersonate-Group", "guests"),
        ("Impersonate-Extra-acme.com%2Fteam", "shop"),
    ]


def test_a_write_without_an_answer_may_be_done_and_is_looked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, place = FakeApi.answer, f"{ROOT}/namespaces/shop/acceleratortrials"

    def late(api: FakeApi, method: str, path: str, body: Any) -> Any:
        found = answer(api, method, path, body)
        time.sleep(0.5)
        return found

    monkeypatch.setattr(FakeApi, "answer", late)
    monkeypatch.setattr(connection, "TIMEOUT", (5.0, 0.1))
    with fake_api(tmp_path) as (api, kubeconfig):
        asked = Connection.open(kubeconfig, None)
        with pytest.raises(Problem, match="half may be written all the same") as refusal:
            asked.post(place, {"metadata": {"name": "half"}, "spec": {}})
        assert "`kubectl get acceleratortrials half --namespace shop`" in refusal.value.todo
        with pytest.raises(Problem, match="half may be written all the same"):
            asked.merge(f"{place}/half", {"spec": {}})
        with pytest.raises(Problem, match="cannot reach"):
            asked.get(place)
        assert f"{place}/half" in api.objects

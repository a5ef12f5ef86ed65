"""What is read from a cluster, and what is said of a namespace that does not exist."""

import pytest

from steelyard.cli.gather import gather, gather_live
from steelyard.cli.group import ROOT
from steelyard.cli.problem import Forbidden, NotThere, Problem


class Answering:
    """A connection to a cluster with these namespaces, all of them empty, whose reader may do all but what is forbidden."""

    def __init__(self, *namespaces, forbidden=()):
        self.namespaces, self.forbidden, self.now = namespaces, forbidden, None

    def get(self, path, **query):
        self._allowed(path)
        if path == ROOT:
            return {"resources": [{"name": "inferenceworkloads"}]}
        if path.startswith("/api/v1/namespaces/") and path.rpartition("/")[2] in self.namespaces:
            return {}
        raise NotThere("not found", "")

    def list(self, path, **query):
        self._allowed(path)
        return iter([{"metadata": {"name": name}} for name in self.namespaces] if path == "/api/v1/namespaces" else [])

    def _allowed(self, path):
        if path.startswith(tuple(self.forbidden)):
            raise Forbidden("you may not", "")


@pytest.mark.parametrize("name", [None, "search"])
def test_a_namespace_that_does_not_exist_is_said_to_be_missing_with_those_like_it(name):
    with pytest.raises(Problem) as problem:
        gather(Answering("default", "shop"), "shpo", name)
    assert problem.value.what == "there is no namespace 'shpo'"
    assert problem.value.todo == "did you mean shop?"


def test_where_none_is_like_it_the_command_that_lists_them_is_named():
    with pytest.raises(Problem, match="there is no namespace 'nope'") as problem:
        gather(Answering("default", "shop"), "nope")
    assert problem.value.todo == "`kubectl get namespaces` lists them; -n takes one, -A all of them"


def test_who_may_not_read_trials_is_told_so_and_all_else():
    path = f"{ROOT}/namespaces/shop/acceleratortrials"
    seen = gather_live(Answering("shop", forbidden=[path]), "shop")
    assert seen.trials is None and seen.notes == ("trials are not shown: you may not",)
    assert gather_live(Answering("shop"), "shop").trials == ()


def test_an_empty_namespace_is_no_error():
    assert gather(Answering("shop"), "shop").workloads == ()


def test_who_may_not_read_namespaces_is_answered_all_the_same():
    assert gather(Answering("shop", forbidden=["/api/v1/namespaces"]), "nope").workloads == ()
    with pytest.raises(Problem, match="there is no InferenceWorkload 'search' in namespace 'nope'"):
        gather(Answering("shop", forbidden=["/api/v1/namespaces"]), "nope", "search")


def test_a_namespace_is_named_like_it_only_to_who_may_list_them():
    class One(Answering):
        def list(self, path, **query):
            if path == "/api/v1/namespaces":
                raise Forbidden("you may not", "")
            return super().list(path, **query)

    with pytest.raises(Problem) as problem:
        gather(One("shop"), "shpo")
    assert problem.value.todo.startswith("`kubectl get namespaces`")

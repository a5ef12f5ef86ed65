"""Which pools have nodes in common."""

from steelyard.control.gather.overlaps import with_overlaps
from steelyard.core.facts.snapshot import Overlap, Pool


def pool(name: str, **selector: str) -> Pool:
    return Pool(name=name, family="cpu", resource_name=None, backends=("openvino",), node_selector=selector)


def found(*pools: tuple[str, Pool], nodes: dict[str, dict[str, str]]) -> dict[str, tuple[Overlap, ...]]:
    return {p.name: p.overlaps for p in with_overlaps(pools, nodes.items()) if p.overlaps}


def test_pools_with_nodes_of_their_own_do_not_overlap() -> None:
    nodes = {"n1": {"pool": "a", "zone": "z"}, "n2": {"pool": "b", "zone": "z"}}
    assert found(("1", pool("a", pool="a")), ("2", pool("b", pool="b")), nodes=nodes) == {}


def test_a_node_that_both_match_is_named_on_both_and_the_older_pool_is_the_one_that_was_made_first() -> None:
    nodes = {f"n{i}": {"pool": "a", "zone": "z"} for i in range(5)} | {"m": {"pool": "a", "zone": "y"}, "k": {"zone": "z"}}
    pools = (("2026-01-02", pool("a", pool="a")), ("2026-01-01", pool("b", zone="z")))
    some = ("n0", "n1", "n2")
    assert found(*pools, nodes=nodes) == {
        "a": (Overlap(pool="b", nodes=some, count=5, older=True),),
        "b": (Overlap(pool="a", nodes=some, count=5, older=False),),
    }


def test_selectors_of_which_one_matches_whatever_the_other_matches_overlap_before_there_is_a_node() -> None:
    pools = (("1", pool("a", pool="a")), ("1", pool("b", pool="a", zone="z")), ("1", pool("c", zone="z")))
    assert found(*pools, nodes={}) == {
        "a": (Overlap(pool="b", nodes=(), count=0, older=False),),
        "b": (Overlap(pool="a", nodes=(), count=0, older=True), Overlap(pool="c", nodes=(), count=0, older=False)),
        "c": (Overlap(pool="b", nodes=(), count=0, older=True),),
    }

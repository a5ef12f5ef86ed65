"""What runs on a pool is derived once for those that are alike: a pool is the same candidate beside others as alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Toolchain
from unit.core.test_vllm import seen, workload

BASE = Pool(name="base", family="cpu", resource_name=None, backends=("openvino",), node_selector={})
OTHERWISE = st.fixed_dictionaries(
    {},
    optional={
        "family": st.just("gpu"),
        "resource_name": st.just("example.com/device"),
        "backends": st.sampled_from([("onnxruntime", "openvino"), ("vllm",)]),
        "default_resources": st.sampled_from([Resources(1.0, 4.0), Resources(2.0, 8.0, 1.0)]),
        "unsupported": st.just("no toolchain is made for it"),
        "architecture": st.sampled_from(["amd64", "arm64"]),
    },
)
POOLS = st.lists(OTHERWISE, min_size=1, max_size=5).map(
    lambda found: (BASE, *(replace(BASE, name=f"p{at}", **otherwise) for at, otherwise in enumerate(found)))
)
"""One, and others that differ from it in some things."""
TOOLCHAINS = {
    f"{backend}_on_{family}": Toolchain(
        backend=backend, versions={backend: "1"}, serve_image=f"{backend}-{family}", compile_image="c", target=target
    )
    for backend in ("openvino", "onnxruntime", "vllm")
    for family, target in (("cpu", "cpu/x86-64"), ("gpu", "cuda/sm_90"))
}


@given(POOLS, st.sampled_from(["steelyard", "vllm"]))
def test_a_pool_is_the_same_candidate_beside_others_as_alone(pools: tuple[Pool, ...], server: str) -> None:
    asks = workload(server)
    together = seen(asks, *pools, **TOOLCHAINS)
    assert together == {pool.name: seen(asks, pool, **TOOLCHAINS)[pool.name] for pool in pools}

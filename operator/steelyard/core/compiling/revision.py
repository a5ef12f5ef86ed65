"""Revision: hash of what makes a replica behave. Never of rendered YAML, so a new operator version restarts nobody.

Two hashes: `revision` covers artifact, image and server arguments and names the Deployment; `asked` covers only what the user's spec
decides. A Deployment is replaced when `asked` changes. A newer image or toolchain of the operator is taken up by the next placement
that is made anyway (docs/adr/0003-only-what-the-user-asks-for-replaces-replicas.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeAlias

from steelyard.core.compiling.default_request import CPU_POOL, ONE_DEVICE
from steelyard.core.compiling.key import CANONICAL
from steelyard.core.compiling.vllm_words import compiled_words, served_words
from steelyard.core.facts.custom import Program
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import SINCE_FIRST
from steelyard.core.facts.snapshot import CompileOptions, Pool, Toolchain, Workload


@dataclass(frozen=True, slots=True)
class InProportion:
    """What the user asked for who said nothing of CPU and memory: so many devices, with their part of a node, however large that is; without a
    device, what the model needs."""

    devices: float


Wish: TypeAlias = Resources | InProportion


class _Shapes(NamedTuple):
    """That an encoder is compiled to."""

    batches: tuple[int, ...]
    lengths: tuple[int, ...]


USUAL = _Shapes((1, 8), (128, 512))
"""Where nobody says any. vLLM reads none, and has these in its hashes, as where they were always left out."""


def _hash8(parts: Any) -> str:
    return hashlib.sha256(CANONICAL.encode(parts).encode()).hexdigest()[:8]


def _shapes(workload: Workload, options: CompileOptions) -> _Shapes:
    return USUAL if workload.vllm is not None else _Shapes(options.batch_sizes, options.sequence_lengths)


def _arguments(workload: Workload, wish: Wish, batches: Iterable[int]) -> dict[str, Any]:
    # Only where it is vLLM: who does not use it has the hash of the versions that knew none.
    words = {} if workload.vllm is None else {"vllm": [*compiled_words(workload.vllm, workload.model.task), *served_words(workload.vllm)]}
    return {
        **words,
        "latency": [[o.metric, o.milliseconds, o.percent] for o in workload.latency],
        "batchSizes": sorted(set(batches)),
        "resources": _asked_resources(wish),
    }


def _asked_resources(wish: Wish) -> list[Any]:
    return ["in proportion", wish.devices] if isinstance(wish, InProportion) else [wish.cpu, wish.memory_gib, wish.devices]


def revision(workload: Workload, resources: Resources, toolchain: Toolchain, artifact_digest: str, pool: Pool) -> str:
    """Eight hex digits of artifact, image and server arguments."""
    return _hash8(
        {
            "artifact": artifact_digest,
            "image": toolchain.serve_image,
            "backend": toolchain.backend,
            **_arguments(workload, resources, _shapes(workload, workload.compile_for(pool.family)).batches),
            **_variant(pool),
        }
    )


def _variant(pool: Pool) -> dict[str, Any]:
    """By its name as well: two places of one pool share the rest of what their Deployments are called by."""
    return {} if pool.variant is None else {"variant": pool.variant.name}


def revision_of_existing(workload: Workload, template: str) -> str:
    """Eight hex digits of a server that exists already: its owner's template, and what it is judged by. template: by which its pods are told
    apart."""
    existing = workload.existing
    page = None if existing is None else asdict(existing.page, dict_factory=_as_before)
    return _hash8({"template": template, "page": page, "latency": [[o.metric, o.milliseconds, o.percent] for o in workload.latency]})


def _as_before(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Without what is new since the first versions and not given; what a promise allows is a part of the objective."""
    return {name: value for name, value in fields if name not in SINCE_FIRST or (value and name != "allowed")}


def revision_of_custom(workload: Workload, wish: Wish, program: Program | None) -> str:
    """Eight hex digits of all that makes a program of the user's own behave as it does, and what it is judged by. Not how it is read and how it
    ends: other names of metrics, or times of its end, replace nothing. program: what runs on the family; None where nothing does."""
    custom, model = workload.custom, workload.model
    assert custom is not None
    return _hash8(
        {
            "program": None if program is None else [program.image, program.command, program.args, [asdict(each) for each in program.env]],
            "model": [model.digest or [model.uri, model.revision], custom.model_path] if model.uri else None,
            "ports": [custom.port, custom.page.port],
            "probes": asdict(custom.probes),
            "disk": custom.disk_gib,
            "latency": [[o.metric, o.milliseconds, o.percent] for o in workload.latency],
            "resources": _asked_resources(wish),
        }
    )


def asked_before(workload: Workload, wish: Wish, pool: Pool, backend: str | None = None) -> frozenset[str]:
    """What versions wrote down for the same wish that gave every replica one size where nobody said another, or had the shapes in it that vLLM does
    not read."""
    options = workload.compile_for(pool.family, backend, pool.variant)
    wishes = [wish]
    if isinstance(wish, InProportion):
        one_size = ONE_DEVICE if wish.devices else CPU_POOL
        wishes.append(Resources(one_size.cpu, one_size.memory_gib, wish.devices))
    shapes = {_shapes(workload, options), _Shapes(options.batch_sizes, options.sequence_lengths)}
    return frozenset(_asked(workload, each, pool, options, of) for each in wishes for of in shapes)


def asked(workload: Workload, wish: Wish, pool: Pool, backend: str | None = None) -> str:
    """Eight hex digits of the part of a replica's behaviour that the user's spec decides, on a pool by a back end."""
    options = workload.compile_for(pool.family, backend, pool.variant)
    return _asked(workload, wish, pool, options, _shapes(workload, options))


def _asked(workload: Workload, wish: Wish, pool: Pool, options: CompileOptions, shapes: _Shapes) -> str:
    model = workload.model
    # Who gives no flags has the hash of the versions that knew none: a new operator restarts nobody.
    flags = [sorted(set(options.flags))] if options.flags else []
    return _hash8(
        {
            "model": model.digest or [model.uri, model.revision],
            "task": model.task,
            "compile": [options.dtype, options.quantization, sorted(set(shapes.lengths)), options.tensor_parallel, *flags],
            **_arguments(workload, wish, shapes.batches),
        }
    )

"""Which variants of a compiled model run on this machine, and how fast: each is compiled, checked and loaded, then all are timed in turns.

`steelyard-runtime compare` prints one JSON line for each variant when it is compiled, and one for each round that it is timed in. One thread
computes, as one worker of the model server does, so that the figures order the variants; what a replica carries is measured with its server and
its traffic.
"""

import argparse
import contextlib
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.compare_options import Variant
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.target import own_target
from steelyard_runtime.compile.toolchain import toolchain_of
from steelyard_runtime.failure import Failure
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.policy import DownloadPolicy
from steelyard_runtime.models.source import fetch, lists_files, verified_digest

LOG = logging.getLogger("steelyard.compile")

LEAST_SECONDS = 0.4
"""Of one variant in one round."""
Tell = Callable[[dict[str, object]], None]
Compile = Callable[[Variant], tuple[Manifest, Engine]]


def run_compare(options: argparse.Namespace) -> int:
    """The exit code: 0 where at least one variant runs here."""
    # Compilers write to standard output what they like.
    out = os.dup(1)
    os.dup2(2, 1)

    def tell(line: dict[str, object]) -> None:
        os.write(out, (json.dumps(line) + "\n").encode())

    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory(prefix="compare-") as folder:
        try:
            # Whoever types a registry's name here means it, and may have it in a network of their own.
            own = DownloadPolicy(private=(urlsplit(options.model).netloc,))
            model = fetch(options.model, Path(folder) / "model", revision=options.revision, digest=options.digest, policy=own)
            digest = verified_digest(model, options.digest if lists_files(options.model) else None)
        except Failure as failure:
            LOG.error("%s: %s", failure.reason, failure.message)
            return 1

        def compiled(variant: Variant) -> tuple[Manifest, Engine]:
            return _compiled(_spec(variant, model, digest, options, Path(folder)), Path(folder) / str(variant).replace("/", "-"))

        return 0 if compare(options.variant, compiled, tell, options.rounds, (options.batch, options.length)) else 1


def compare(variants: Iterable[Variant], compiled: Compile, tell: Tell, rounds: int, shape: tuple[int, int]) -> int:
    """Compile all, time those that run, tell each, and return how many run. shape: texts in a batch, tokens of each.

    A variant that is refused, fails or is not accurate enough is told with its reason, and the others go on.
    """
    engines: dict[Variant, Engine] = {}
    for variant in variants:
        began = time.perf_counter()
        try:
            manifest, engines[variant] = compiled(variant)
        except Failure as failure:
            tell({"variant": str(variant), "reason": str(failure.reason), "message": failure.message})
            continue
        told = {"bytes": manifest.size, "cosineMin": manifest.cosine_min, "cosineTolerance": manifest.tolerance}
        tell({"variant": str(variant), "seconds": round(time.perf_counter() - began, 3), **told})
    texts = np.ones(shape, dtype=np.int64)
    for engine in engines.values():
        engine.run(texts, texts)
    for number in range(rounds):
        # Turned round by round, so that none is always first.
        first = number % max(1, len(engines))
        for variant, engine in [*engines.items()][first:] + [*engines.items()][:first]:
            tell({"variant": str(variant), "round": number, "milliseconds": 1000 * _seconds(engine, texts)})
    return len(engines)


def _seconds(engine: Engine, texts: NDArray[np.int64]) -> float:
    """Of one batch: the median of as many as fill LEAST_SECONDS."""
    times: list[float] = []
    while sum(times) < LEAST_SECONDS:
        began = time.perf_counter()
        engine.run(texts, texts)
        times.append(time.perf_counter() - began)
    return median(times)


def _compiled(spec: CompileSpec, folder: Path) -> tuple[Manifest, Engine]:
    (folder / "scratch").mkdir(parents=True)
    published, _ = compile_model(spec, Progress(LogTail()), folder / "scratch")
    manifest = fetch_artifact(published.uri, published.digest, folder / "artifact")
    return manifest, backend_named(spec.backend).load(folder / "artifact", manifest, 1)


def _spec(variant: Variant, model: Path, digest: str, options: argparse.Namespace, folder: Path) -> CompileSpec:
    return CompileSpec(
        key="0" * 64,  # each variant has a store of its own
        model_uri=f"file://{model}",
        model_digest=digest,
        model_revision=None,
        task="embeddings",
        backend=variant.backend,
        toolchain=toolchain_of(backend_named(variant.backend)),
        target=own_target(variant.backend),
        dtype=variant.dtype,
        quantization=variant.quantization,
        batch_sizes=tuple(sorted({1, options.batch})),
        sequence_lengths=tuple(sorted({options.length // 2, options.length, 2 * options.length})),
        tensor_parallel=1,
        flags=(),
        store_uri=f"file://{folder / str(variant).replace('/', '-')}/store",
        golden_samples=options.samples,
        golden_seed=1,
    )

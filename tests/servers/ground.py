"""What real servers in a cluster stand on: nodes that have MLServer's image, the model of one of them in the object store, and Steelyard by its chart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cluster import images
from cluster.cluster import Cluster
from cluster.image_store import ImageRef, ImageStore
from cluster.node_spec import PRESETS
from demo.installation import ARTIFACTS, MODELS
from e2e.ground import Ground
from servers.real_server import MODELS as HERE
from steelyard_runtime.models.digest import model_digest


@dataclass(frozen=True)
class Servers:
    """The cluster and what is in it. `mlserver`: its image. `pinned`: the same by its digest. The ground's model is the scorer's."""

    ground: Ground
    mlserver: ImageRef
    pinned: str

    @classmethod
    @contextmanager
    def laid(cls) -> Iterator[Servers]:
        """Everything up, for as long as the context lasts."""
        operator, serve, mlserver = images.build_all(("operator", "runtime-serve", "server-mlserver"))
        pinned = ImageStore().by_digest(mlserver)
        with Cluster.start("servers", PRESETS["demo"], images=[operator, serve, mlserver]) as cluster:
            cluster.s3.bucket(ARTIFACTS)
            cluster.s3.bucket(MODELS)
            uri = cluster.s3.put_folder(MODELS, "scorer", HERE / "scorer")
            yield cls(Ground(cluster, operator, serve, serve, uri, model_digest(HERE / "scorer")), mlserver, pinned)

    def install(self, *values: str) -> None:
        """Steelyard by its chart, or other values of it. Without `values` it only measures: no store, and the chart's toolchains, which nothing uses."""
        self.ground.install_bare(*values)

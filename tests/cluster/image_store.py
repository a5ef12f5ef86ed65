"""Images, imported once per machine and then shared by every node of every cluster.

An import unpacks an image into overlayfs layers: 16 s for a light image, more than a minute for the compile image, and a copy of it each
time. So it is done once, in a containerd of its own whose folder is kept. A new node gets copies of that containerd's two small data
bases, and symbolic links to the layers and blobs: layers are only ever read, what containers write goes to folders of the node's own. That
takes milliseconds and no space, and the nodes share one page cache.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cluster import binaries, command, container_runtime, identity, oci_archive
from cluster.cache_folder import cache_folder
from cluster.errors import ClusterError
from cluster.free_disk import free
from cluster.fulfil import fulfil
from cluster.lock import only_one
from cluster.piece import Kind, Piece
from cluster.progress import say
from cluster.waiting import tail, wait_until
from patience import PATIENCE

CONTENT = Path("io.containerd.content.v1.content/blobs/sha256")
SNAPSHOTS = Path("io.containerd.snapshotter.v1.overlayfs/snapshots")
DATABASES = (Path("io.containerd.metadata.v1.bolt/meta.db"), Path("io.containerd.snapshotter.v1.overlayfs/metadata.db"))
NAMESPACE = "k8s.io"
#: Small archives are worth keeping, for nodes that run already. The compile image's would be another 2.4 GB.
DELETE_ARCHIVES_OVER = 1_000_000_000
BOX_NAME = "localhost/steelyard/box"
#: Where it is not the few seconds of a light image, on the reference machine.
UNPACK_SECONDS = {"image runtime-compile": 45, "image runtime-vllm": 60}


@dataclass(frozen=True)
class ImageRef:
    """An image that nodes can be given."""

    name: str
    tag: str
    archive: Path
    """An archive in OCI's or docker's format. It may be gone once the image is in the store: it is as large as the image."""

    @property
    def reference(self) -> str:
        """As it stands in a pod."""
        return f"{self.name}:{self.tag}"

    @property
    def piece(self) -> str:
        """What making its archive is called in a plan."""
        return f"image {self.name.rsplit('/', 1)[1]}"


def images_folder() -> Path:
    """Everything about images that is kept between runs."""
    return cache_folder() / "images"


def box() -> ImageRef:
    """The image of the sandbox, which is also what the tests of the cluster itself run; made or not."""
    tag = binaries.built_folder(binaries.TOOLS["box"]).name.rsplit("-", 1)[1]
    return ImageRef(BOX_NAME, tag, images_folder() / f"box-{tag}.tar")


def _write_box(image: ImageRef) -> None:
    program = binaries.paths(["box"])["box"]
    image.archive.parent.mkdir(parents=True, exist_ok=True)
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    oci_archive.write(image.archive, image.reference, program, architecture=architecture)


class ImageStore:
    """The store of this machine."""

    def __init__(self) -> None:
        self.folder = images_folder() / "store"
        self.root = self.folder / "containerd"
        self.socket = self.folder / "c.sock"
        self.log = self.folder / "containerd.log"

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        with only_one(images_folder() / "store.lock"):
            yield

    @property
    def _list(self) -> Path:
        return self.folder / "images.json"

    def references(self) -> list[str]:
        """The images that are in the store."""
        return list(json.loads(self._list.read_text())) if self._list.exists() else []

    def _ctr(self, *arguments: str) -> str:
        """What it said."""
        ctr, log = binaries.paths(["containerd"])["ctr"], self.folder / "ctr.log"
        if command.run([ctr, f"--address={self.socket}", f"--namespace={NAMESPACE}", *arguments], log) != 0:
            raise ClusterError(f"ctr {' '.join(arguments)} failed\n{tail(log)}\nlog of containerd: {self.log}")
        return log.read_text()

    @contextmanager
    def _containerd(self) -> Iterator[None]:
        """containerd in namespaces of its own: its mounts and its processes end with it, and it with this process."""
        programs = binaries.paths(["containerd"])
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        target = self.folder / "containerd.toml"
        state = Path("/run/containerd")
        target.write_text(container_runtime.workshop(root=self.root, state=state, socket=self.socket))
        script = f"mount -t tmpfs run /run; {programs['containerd']} --config {target} & wait"
        command = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--pid",
            "--mount",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-ec",
            script,
        ]
        with self.log.open("w") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        try:

            def answers() -> bool:
                command = [programs["ctr"], f"--address={self.socket}", "version"]
                return self.socket.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0

            wait_until("containerd", answers, seconds=PATIENCE, logs=(self.log,))
            yield
        finally:
            process.kill()
            process.wait()

    def pieces(self, images: Iterable[ImageRef]) -> list[Piece]:
        """What has to be done until these are in the store. Their archives, but for the box's, and containerd are others' pieces."""
        there, found = self.references(), list[Piece]()
        for image in images:
            if image.reference in there:
                continue
            if image.name == BOX_NAME and not image.archive.exists():
                found.append(Piece(image.piece, Kind.DOWNLOAD, 1, partial(_write_box, image), frozenset({binaries.TOOLS["box"].piece})))
            needs = frozenset({image.piece, binaries.TOOLS["containerd"].piece})
            found.append(
                Piece(f"{image.piece} for the nodes", Kind.DOWNLOAD, UNPACK_SECONDS.get(image.piece, 5), partial(self._add, image), needs)
            )
        return found

    def ensure(self, images: Iterable[ImageRef]) -> None:
        """Import what is not there yet."""
        if wanted := self.pieces(images):
            fulfil([*binaries.pieces(["box", "containerd"]), *wanted])

    def _add(self, image: ImageRef) -> None:
        with self._only_one():
            if image.reference not in self.references():  # another process may have imported it while this one waited
                with self._containerd():
                    self._import(image)

    def _import(self, image: ImageRef) -> None:
        if not image.archive.exists():
            raise ClusterError(f"{image.archive} is gone, removed by another checkout or a person: the same command makes it anew")
        size = image.archive.stat().st_size
        left = free(self.folder)
        # Blobs beside the archive, and layers: a large archive is compressed to half of them.
        needed = 3.2 * size
        if left < needed:
            raise ClusterError(
                f"{image.reference} needs {needed / 1e9:.1f} GB in {self.folder}, and {left / 1e9:.1f} GB are free: make room"
            )
        self._ctr("images", "import", "--local", "--discard-unpacked-layers", str(image.archive))
        self._record([*self.references(), image.reference])
        if size > DELETE_ARCHIVES_OVER:
            image.archive.unlink()

    def _record(self, references: list[str]) -> None:
        partial = self._list.with_suffix(".partial")
        partial.write_text(json.dumps(references))
        partial.rename(self._list)

    def by_digest(self, image: ImageRef) -> str:
        """Its name with its digest in place of the tag, as servers are named that must not change. Nodes that are added from now on know it by this
        name too."""
        self.ensure([image])
        with self._only_one(), self._containerd():
            listed = self._ctr("images", "ls", f"name=={image.reference}")
            (digest,) = set(re.findall(r"sha256:[0-9a-f]{64}", listed))
            name = f"{image.name}@{digest}"
            if name not in self.references():
                self._ctr("images", "tag", image.reference, name)
                self._record([*self.references(), name])
            return name

    def remove(self, references: Iterable[str]) -> None:
        """Remove images. Not while a cluster is alive: its nodes may read their layers."""
        gone = set(references)
        if not gone & set(self.references()):
            return
        with self._only_one():  # a node is furnished under the same lock, and its cluster is alive by then
            gone &= set(self.references())
            if any(identity.is_alive(number) for number in identity.all_known()):
                say(f"old images stay while a cluster is up: {', '.join(sorted(gone))}")
                return
            with self._containerd():
                for reference in sorted(gone):
                    self._ctr("images", "rm", "--sync", reference)
                    self._record([kept for kept in self.references() if kept != reference])

    def furnish(self, root: Path) -> None:
        """Give a node's containerd, whose folder is `root` and which does not run yet, all images of the store."""
        with self._only_one():
            for folder in (CONTENT, SNAPSHOTS):
                (root / folder).mkdir(parents=True, exist_ok=True)
                for entry in os.scandir(self.root / folder):
                    (root / folder / entry.name).symlink_to(entry.path)
            for database in DATABASES:
                (root / database).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / database, root / database)

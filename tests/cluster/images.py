"""The images of the repository: built when their inputs have changed, kept as archives, and shared by all nodes.

An image's tag is a hash of everything that it is built from: the lines of the Dockerfile that concern it, the files that these copy, and
the base. So a tag never means two things, and what is there never has to be built again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cluster import binaries, builder, dockerfile, identity, packages
from cluster.errors import ClusterError
from cluster.free_disk import free
from cluster.fulfil import fulfil
from cluster.image_store import ImageRef, ImageStore, images_folder
from cluster.lock import only_one
from cluster.piece import Kind, Piece

REPOSITORY = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Expected:
    """Of a target's first build: its seconds on the reference machine (see README.md), and the bytes that must be free."""

    seconds: int
    bytes: int


TARGETS = {
    "operator": Expected(30, 1_000_000_000),
    "runtime-serve": Expected(30, 3_000_000_000),
    "runtime-compile": Expected(105, 10_000_000_000),
}
#: From here on an archive is worth the time that it takes to compress it.
LARGE = 5_000_000_000
#: Those that only `make test-long` and `make demo TEXT=1` need, and `make test-servers`.
ON_DEMAND = {"runtime-vllm": Expected(150, 13_000_000_000), "server-mlserver": Expected(40, 2_000_000_000)}
#: Of targets that are not among those of the repository's own Dockerfile.
DOCKERFILES = {"server-mlserver": "tests/servers/Dockerfile"}
ALL = (*TARGETS, *ON_DEMAND)
#: Sets that have names: what `make test` needs, and what `make demo TEXT=1` does.
SETS = {"all": tuple(TARGETS), "text": ("operator", "runtime-serve", "runtime-vllm")}
PREFIX = "localhost/steelyard"
#: From an image's last use on, other checkouts leave it alone for so long.
LATELY_SECONDS = 3600


def tag(target: str, context: Path = REPOSITORY) -> str:
    """The hash of the target's inputs."""
    text = _dockerfile(target, context).read_text()
    digest = hashlib.sha256(builder.base_tag().encode())
    for stage in sorted(dockerfile.stages_of(text, target), key=lambda stage: stage.name):
        digest.update(stage.text.encode())
    for path in dockerfile.inputs(context, text, target):
        executable = os.access(path, os.X_OK)
        digest.update(f"\n{path.relative_to(context)} {executable} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _dockerfile(target: str, context: Path) -> Path:
    path = context / DOCKERFILES.get(target, "Dockerfile")
    if not path.is_file():
        raise ClusterError(f"{path} is not there: images are built from it")
    return path


def reference_of(target: str, context: Path = REPOSITORY) -> ImageRef:
    """What the target's image is called now, built or not."""
    current = tag(target, context)
    return ImageRef(f"{PREFIX}/{target}", current, images_folder() / f"{target}-{current}.tar")


def missing(targets: Iterable[str], context: Path = REPOSITORY) -> list[str]:
    """Those of the targets that have to be built."""
    there = ImageStore().references()
    return [target for target in targets if not _is_made(reference_of(target, context), there)]


def _is_made(image: ImageRef, there: Iterable[str]) -> bool:
    if image.archive.exists():
        os.utime(image.archive)
        return True
    return image.reference in there


def pieces(targets: Iterable[str], context: Path = REPOSITORY, *, after: str | None = None) -> list[Piece]:
    """What has to be done until they are built; they share layers. `after`: a piece to wait for."""
    lacking = missing(targets, context)
    if not lacking:
        return []
    programs = {binaries.TOOLS[name].piece for name in programs_for(targets, context)}
    needs = {packages.piece("images"), builder.BASE_PIECE, *programs, *([after] if after else [])}
    built = [
        Piece(
            reference_of(target, context).piece, Kind.DOWNLOAD, _expected(target).seconds, partial(make, target, context), frozenset(needs)
        )
        for target in lacking
    ]
    return [*builder.pieces(), *built]


def programs_for(targets: Iterable[str], context: Path = REPOSITORY) -> frozenset[str]:
    """The programs without which they cannot be built: containerd, where it removes their predecessors from the store."""
    return frozenset({"containerd"} if ImageStore().references() and missing(targets, context) else ())


def bytes_of(target: str) -> int:
    """What must be free before the target is built."""
    return _expected(target).bytes


def _expected(target: str) -> Expected:
    return {**TARGETS, **ON_DEMAND}.get(target, Expected(60, 1_000_000_000))


def make(target: str, context: Path = REPOSITORY) -> None:
    """Build the target's image, an archive, and remove those that it succeeds."""
    with only_one(images_folder() / "make.lock"):
        image = reference_of(target, context)
        if not _is_made(image, ImageStore().references()):  # another process may have built it while this one waited
            _make(target, image, context)


def _make(target: str, image: ImageRef, context: Path) -> None:
    _remove_old(target, ImageStore(), context)
    size = bytes_of(target)
    if free(images_folder()) < size:
        builder.forget_all()
    if free(images_folder()) < size:
        raise ClusterError(
            f"it takes up to {size / 1e9:.0f} GB while it is built, and {free(images_folder()) / 1e9:.0f} GB are free in {images_folder()}: "
            "make room, `python -m cluster images --prune` helps"
        )
    file = _dockerfile(target, context)
    if builder.docker_answers():
        builder.build_by_docker(context, file, target, image.reference, image.archive)
    else:
        builder.build_by_buildah(context, file, target, image.reference, image.archive, large=size > LARGE)
    if free(images_folder()) < size:  # what comes next, the import, needs as much; the builder's layers only save time
        builder.forget_all()
    builder.forget_others(image.name, image.tag)


def build(target: str, context: Path = REPOSITORY) -> ImageRef:
    """The target's image, built when its inputs have changed."""
    [image] = build_all([target], context)
    return image


def build_all(targets: Iterable[str], context: Path = REPOSITORY) -> list[ImageRef]:
    """The targets' images, built where their inputs have changed. They are then archives, or in the store, where nodes take them from."""
    wanted = list(targets)
    fulfil([*binaries.pieces(programs_for(wanted, context)), *pieces(wanted, context)])
    return [reference_of(target, context) for target in wanted]


def _remove_old(target: str, store: ImageStore, context: Path) -> None:
    """Former images of this target, but for those that another checkout has lately used: it may be about to give them to its nodes. The layers
    of the last one stay in the builder's cache until the new one is there."""
    current = reference_of(target, context)
    archives = [path for path in images_folder().glob(f"{target}-*") if path.suffix in {".tar", ".log", ".partial"}]
    lately = {path.stem for path in archives if path.suffix == ".tar" and time.time() - path.stat().st_mtime < LATELY_SECONDS}
    kept = {current.reference, *(f"{current.name}:{stem.removeprefix(f'{target}-')}" for stem in lately)}
    names = f"{current.name}:", f"{current.name}@"  # a digest's name is given anew to whoever asks for it
    store.remove(reference for reference in store.references() if reference.startswith(names) and reference not in kept)
    for archive in archives:
        if archive.suffix != ".tar" or archive.stem not in lately:
            archive.unlink()


def prune() -> None:
    """Remove every image, archive and layer: the next build starts from nothing."""
    if any(identity.is_alive(number) for number in identity.all_known()):
        raise ClusterError("a cluster is up, and its nodes read their images from here: end it first (`python -m cluster down`)")
    shutil.rmtree(images_folder(), ignore_errors=True)

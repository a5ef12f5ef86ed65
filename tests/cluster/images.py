"""The images of the repository: built when their inputs have changed, kept as archives, and shared by all nodes.

An image's tag is a hash of everything that it is built from: the lines of the Dockerfile that concern it, the files that these copy, and
the base. So a tag never means two things, and what is there never has to be built again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from cluster import binaries, builder, dockerfile, identity
from cluster.errors import ClusterError
from cluster.image_store import ImageRef, ImageStore, images_folder

REPOSITORY = Path(__file__).parent.parent.parent
#: The targets, with the seconds and the bytes of a first build: what a person is told to expect, and what must be free.
TARGETS = {
    "operator": (60, 1_000_000_000),
    "runtime-serve": (90, 3_000_000_000),
    "runtime-compile": (150, 10_000_000_000),
}
#: From here on an archive is worth the time that it takes to compress it.
LARGE = 5_000_000_000
#: Those that only `make test-long` needs.
ON_DEMAND = {"runtime-vllm": (200, 13_000_000_000)}
PREFIX = "localhost/steelyard"


def tag(target: str, context: Path = REPOSITORY) -> str:
    """The hash of the target's inputs."""
    text = _dockerfile(context)
    digest = hashlib.sha256(builder.base_tag().encode())
    for stage in sorted(dockerfile.stages_of(text, target), key=lambda stage: stage.name):
        digest.update(stage.text.encode())
    for path in dockerfile.inputs(context, text, target):
        executable = os.access(path, os.X_OK)
        digest.update(f"\n{path.relative_to(context)} {executable} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _dockerfile(context: Path) -> str:
    path = context / "Dockerfile"
    if not path.is_file():
        raise ClusterError(f"{path} is not there: images are built from it")
    return path.read_text()


def reference_of(target: str, context: Path = REPOSITORY) -> ImageRef:
    """What the target's image is called now, built or not."""
    current = tag(target, context)
    return ImageRef(f"{PREFIX}/{target}", current, images_folder() / f"{target}-{current}.tar")


def build(target: str, context: Path = REPOSITORY) -> ImageRef:
    """The target's image, built when its inputs have changed. It is then in the store, where nodes take it from."""
    image = reference_of(target, context)
    if image.archive.exists():
        os.utime(image.archive)
        return image
    store = ImageStore(binaries.programs(["containerd"]))
    if image.reference in store.references():
        return image
    images_folder().mkdir(parents=True, exist_ok=True)
    _remove_old(target, store, context)
    seconds, size = {**TARGETS, **ON_DEMAND}.get(target, (60, 1_000_000_000))
    if _free() < size:
        builder.forget_all()
    if _free() < size:
        raise ClusterError(
            f"the image {target} takes up to {size / 1e9:.0f} GB while it is built, and {_free() / 1e9:.0f} GB are free in {images_folder()}: "
            "make room, `python -m cluster images --prune` helps"
        )
    if builder.docker_answers():
        builder.build_by_docker(context, target, image.reference, image.archive, seconds)
    else:
        builder.build_by_buildah(context, target, image.reference, image.archive, seconds, large=size > LARGE)
    if _free() < size:  # what comes next, the import, needs as much; the builder's layers only save time
        builder.forget_all()
    builder.forget_others(image.name, image.tag)
    return image


def _free() -> int:
    return shutil.disk_usage(images_folder()).free


def build_all(targets: Iterable[str], context: Path = REPOSITORY) -> list[ImageRef]:
    """Several targets, one after the other: they share layers."""
    return [build(target, context) for target in targets]


def _remove_old(target: str, store: ImageStore, context: Path) -> None:
    """Former images of this target. The layers of the last one stay in the builder's cache until the new one is there."""
    current = reference_of(target, context)
    old = [reference for reference in store.references() if reference.startswith(f"{current.name}:") and reference != current.reference]
    store.remove(old)
    for archive in images_folder().glob(f"{target}-*"):
        if archive.name.startswith(f"{target}-") and archive.suffix in {".tar", ".log", ".partial"}:
            archive.unlink()


def prune() -> None:
    """Remove every image, archive and layer: the next build starts from nothing."""
    if any(identity.is_alive(number) for number in identity.all_known()):
        raise ClusterError("a cluster is up, and its nodes read their images from here: end it first (`python -m cluster down`)")
    shutil.rmtree(images_folder(), ignore_errors=True)

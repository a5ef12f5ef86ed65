"""The images are what their Dockerfile promises: nobody's root, and the two that stay in the cluster carry nothing that builds or installs."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest

from cluster import images
from cluster.image_store import CONTENT, ImageRef, ImageStore

pytestmark = pytest.mark.image

LIGHT = ("operator", "runtime-serve")
PROGRAMS = re.compile(
    r"(?:[\w]+-linux-gnu-)?(?:gcc|g\+\+|cc|c\+\+|cpp|clang|ld|as|make|gmake|cmake|ninja|pip|uv|uvx|wheel|easy_install)[-.\d]*"
)
PACKAGES = re.compile(r"(?:torch|triton|nvidia|pip|setuptools|pkg_resources|wheel|ensurepip)(?:-.*)?")
LIBRARIES = {"site-packages", "dist-packages", "python3", "python3.11", "python3.12", "python3.13"}


def files_of(image: ImageRef) -> frozenset[str]:
    """What a container would see, from the archive as `docker save` and buildah write it: layers over one another, deletions included."""
    files: set[str] = set()
    with tarfile.open(image.archive, "r:") as archive:

        def read(name: str) -> Any:
            member = archive.extractfile(name)
            assert member is not None
            return member

        [described] = json.load(read("manifest.json"))
        for layer in described["Layers"]:
            with tarfile.open(fileobj=read(layer)) as tree:
                files = overlaid(files, (PurePosixPath("/", member.name) for member in tree if not member.isdir()))
    return frozenset(files)


def overlaid(below: set[str], layer: Iterator[PurePosixPath]) -> set[str]:
    """The files when this layer lies on those: `.wh.x` takes away x and what is under it, `.wh..wh..opq` all that the folder had."""
    added, gone = set(), set()
    for path in layer:
        if path.name == ".wh..wh..opq":
            gone.add(f"{path.parent}")
        elif path.name.startswith(".wh."):
            gone.add(f"{path.parent / path.name.removeprefix('.wh.')}")
        else:
            added.add(str(path))
    kept = {file for file in below if file not in gone and not any(str(parent) in gone for parent in PurePosixPath(file).parents)}
    return kept | added


def builds_or_installs(file: str) -> bool:
    path = PurePosixPath(file)
    if path.suffix == ".whl" or (path.parent.name in {"bin", "sbin"} and PROGRAMS.fullmatch(path.name)):
        return True
    return any(PACKAGES.fullmatch(part) for folder, part in zip(path.parts, path.parts[1:], strict=False) if folder in LIBRARIES)


@pytest.fixture(scope="module", params=LIGHT)
def light(request: pytest.FixtureRequest) -> frozenset[str]:
    return files_of(images.build(request.param))


def test_a_light_image_has_its_program_and_nothing_that_builds_or_installs(light: frozenset[str]) -> None:
    assert "/opt/steelyard/bin/python" in light, "it was read"
    assert any(file.startswith("/opt/app/bin/steelyard") for file in light)
    assert sorted(file for file in light if builds_or_installs(file)) == []


def test_every_image_that_nodes_are_given_is_run_by_a_number_that_is_not_roots() -> None:
    """By number, or `runAsNonRoot` could not tell."""
    store = ImageStore()
    store.ensure(images.build_all(images.TARGETS))
    users = users_in(store)
    assert len(users) >= len(images.TARGETS), "they were read"
    for user, _, group in (user.partition(":") for user in users):
        assert user.isdigit() and int(user) > 0, user
        assert group.isdigit() and int(group) > 0, group


def users_in(store: ImageStore) -> list[str]:
    """As the configurations of the images say it, which are there when archives and layers are gone."""
    blobs = [path for path in (store.root / CONTENT).iterdir() if path.stat().st_size < 100_000 and path.read_bytes().startswith(b"{")]
    found = [json.loads(path.read_bytes()) for path in blobs]
    return [content["config"].get("User", "") for content in found if "rootfs" in content]

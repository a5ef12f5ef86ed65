"""Which scenes of others' programs are played: with STEELYARD_BUILT only those whose programs have been built and fetched already.

The module of a scene says what it needs: PROGRAMS of the cluster tool, and ENVIRONMENTS of Python, by name, with their lock files. One that does not
say it is left out then.
"""

from __future__ import annotations

import os
from types import ModuleType

import pytest

from bench.environment import NotHereError, interpreter
from cluster import binaries, images
from cluster.image_store import ImageStore


@pytest.fixture(scope="module")
def pinned() -> str:
    """The image of the runtime by its digest; nodes that come later know it by that."""
    (serve,) = images.build_all(("runtime-serve",))
    return ImageStore().by_digest(serve)


def lacking(scene: ModuleType) -> list[str]:
    """What of it would have to be built or fetched. Nothing is."""
    if not hasattr(scene, "PROGRAMS"):
        return ["what it needs, which it does not say"]
    missing = [tool.name for tool in binaries.missing(scene.PROGRAMS)]
    for name, lock in getattr(scene, "ENVIRONMENTS", {}).items():
        try:
            interpreter(name, lock, print, install=False, megabytes=0)
        except NotHereError:
            missing.append(name)
    return missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what would begin with a build."""
    if not os.environ.get("STEELYARD_BUILT"):
        return
    for item in items:
        if missing := lacking(item.getparent(pytest.Module).obj):  # type: ignore[union-attr]
            item.add_marker(pytest.mark.skip(reason=f"not built here: {', '.join(missing)}"))

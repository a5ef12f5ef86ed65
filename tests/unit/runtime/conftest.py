"""What the runtime's tests share."""

import pytest

from steelyard_runtime.artifacts.publish import Published
from unit.runtime.tiny import publish_tiny


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A small, quick model."""
    return publish_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def heavy_artifact(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A model that takes about 0.1 s for a batch of eight."""
    return publish_tiny(tmp_path_factory.mktemp("heavy"), ballast=1024)

"""Tests that need torch: they run where it is, inside the compile image (tests/e2e/test_compile_image.py)."""

import pytest

from steelyard_runtime.compile.toolchain import installed

IN_COMPILE_IMAGE = (
    pytest.mark.image,
    pytest.mark.skipif(
        installed("torch") is None, reason="torch is only in the compile image, where tests/e2e/test_compile_image.py runs this file"
    ),
)

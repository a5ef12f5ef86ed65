"""Builds a target of a Dockerfile into an archive: by docker where an engine answers, otherwise by buildah without a registry."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from cluster import command, package_index, packages
from cluster.errors import ClusterError
from cluster.image_store import images_folder
from cluster.lock import only_one
from cluster.piece import Kind, Piece
from cluster.progress import step
from cluster.waiting import tail

#: The base of all images where no registry is asked: Debian's smallest, with the Python that the Dockerfile expects.
SUITE = "bookworm"
BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates", "libgomp1")
BASE_NAME = "localhost/steelyard/base"
#: What making it is called in a plan.
BASE_PIECE = "base of the images"


@cache
def docker_answers() -> bool:
    """Whether there is a container engine here."""
    return (
        shutil.which("docker") is not None
        and subprocess.run(["docker", "info"], capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0
    )


def _scratch() -> Path:
    """buildah keeps whole layers among its temporary files."""
    return images_folder() / "scratch"


def _run(what: str, arguments: Sequence[str | Path], log: Path) -> None:
    _scratch().mkdir(parents=True, exist_ok=True)
    with step(what):
        code = command.run(arguments, log, environment={**os.environ, "TMPDIR": str(_scratch())})
    if code != 0:
        raise ClusterError(f"{what} failed\n{tail(log, 30)}")


def _buildah(*arguments: str | Path) -> list[str]:
    # A storage of its own: nothing of this machine's other images is touched, and all of it can be deleted at once.
    storage = images_folder() / "buildah"
    return ["buildah", "--root", str(storage), "--runroot", "/run/steelyard-buildah", *map(str, arguments)]


def _ask_buildah(*arguments: str | Path) -> str:
    answer = subprocess.run(_buildah(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"buildah {' '.join(map(str, arguments))}: {answer.stderr.strip()}")
    return answer.stdout.strip()


def base_tag() -> str:
    """Changes when the base has to be made anew."""
    return hashlib.sha256(" ".join([SUITE, *BASE_PACKAGES]).encode()).hexdigest()[:12]


def _base_name() -> str:
    return f"{BASE_NAME}:{base_tag()}"


def _has_base() -> bool:
    return (
        packages.find("buildah") is not None
        and subprocess.run(
            _buildah("inspect", "--type=image", _base_name()), capture_output=True, stdin=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    )


def pieces() -> list[Piece]:
    """What has to be done before an image can be built."""
    if docker_answers():
        return []
    base = [] if _has_base() else [Piece(BASE_PIECE, Kind.DOWNLOAD, 30, _make_base, frozenset({packages.piece("images")}))]
    return [*packages.pieces("images"), *base]


def _make_base() -> None:
    images_folder().mkdir(parents=True, exist_ok=True)
    with only_one(images_folder() / "buildah.lock"):
        _base_image()


def _base_image() -> str:
    """The base image in buildah's storage, made when it is not there."""
    name = _base_name()
    if _has_base():
        return name
    with tempfile.TemporaryDirectory(dir=images_folder()) as folder:
        root = Path(folder) / "base.tar"
        arguments: list[str | Path] = ["mmdebstrap", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", SUITE, root]
        _run("mmdebstrap", arguments, images_folder() / "base.log")
        container = _ask_buildah("from", "scratch")
        _ask_buildah("add", container, root, "/")
        _ask_buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        _ask_buildah("commit", "--rm", container, name)
    return name


def build_by_buildah(context: Path, file: Path, target: str, reference: str, archive: Path, *, large: bool = False) -> None:
    """Build without a registry, and write an archive. A small one is not compressed: that would take longer than all that it saves. Of a large
    one every copy counts: of four GB 22 s of zstd make two."""
    log = archive.with_suffix(".log")
    with only_one(images_folder() / "buildah.lock"), tempfile.TemporaryDirectory() as folder:
        if archive.exists():  # another process has built it while this one waited
            return
        shutil.rmtree(_scratch(), ignore_errors=True)  # whole layers, of a build that was killed
        base = _base_image()
        volumes = [word for mount in package_index.mounts(Path(folder)) for word in ("--volume", mount)]
        arguments = _buildah(
            *("build", "--layers", "--isolation=chroot", "--pull=never", f"--build-arg=BASE={base}", f"--target={target}", *volumes),
            *(f"--tag={reference}", f"--file={file}", str(context)),
        )
        _run("buildah build", arguments, log)
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        # docker's format, because its layers are not compressed; buildah compresses those of an OCI archive whatever it is told.
        how = ["--compression-format=zstd", "--compression-level=1"] if large else []
        push = _buildah("push", *how, reference, f"{'oci' if large else 'docker'}-archive:{partial}:{reference}")
        _run("writing the archive", push, archive.with_suffix(".push.log"))
        partial.rename(archive)


def build_by_docker(context: Path, file: Path, target: str, reference: str, archive: Path) -> None:
    """Build with the Dockerfile's own base image, and save."""
    log = archive.with_suffix(".log")
    arguments: list[str | Path] = [
        "docker",
        "build",
        f"--target={target}",
        f"--tag={reference}",
        f"--file={file}",
        context,
    ]
    _run("docker build", arguments, log)
    partial = archive.with_suffix(".partial")
    _run("writing the archive", ["docker", "save", f"--output={partial}", reference], archive.with_suffix(".push.log"))
    partial.rename(archive)


def forget_others(name: str, tag: str) -> None:
    """Remove the image's former versions. Layers of the stages stay: with them the next build takes seconds."""
    if not (images_folder() / "buildah").exists():
        return
    with only_one(images_folder() / "buildah.lock"):
        listed = _ask_buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines()
        old = [reference for reference in listed if reference.startswith(f"{name}:") and reference != f"{name}:{tag}"]
        if old:
            _ask_buildah("rmi", *old)


def forget_all() -> None:
    """Remove all that buildah keeps: disk is short, and the next build may take its time."""
    with only_one(images_folder() / "buildah.lock"):
        if (images_folder() / "buildah").exists():
            _ask_buildah("rmi", "--all", "--force")

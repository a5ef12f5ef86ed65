"""How long a server takes until it is ready."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from bench.environment import NotHereError
from bench.servers.artifact import compiled, tiny
from bench.servers.compared import others
from bench.servers.inputs import EMBEDDINGS
from bench.servers.server import CORE, Server
from cluster import binaries
from free_port import free_port
from steelyard_runtime.artifacts.manifest import NAME, Manifest, decoded
from steelyard_runtime.artifacts.publish import Published, manifest_path
from unit.runtime.server_process import ServerProcess, http

TIMES = 5

ABOUT = f"""How long a server takes until it is ready

Time from the start of the process until `/readyz` says that the golden samples agree with the reference (our server), or until a first
request is answered (the others, which check nothing), on one core. all-MiniLM-L6-v2 by OpenVINO. Median of {TIMES} starts, and the longest;
the cases take turns.

- *from S3*: a real S3 server on the same machine, with an empty cache, as in a new pod.
- *from S3, half of it kept*: the server died in the middle of the download and is started again in the same pod.
- *from S3, kept*: the server is started again in the same pod: downloaded files are hashed again and not downloaded.
- *from a folder*: as from a volume.

Pulling images and starting a node are not included: on a cluster those come first and take most of the time.
"""
COLUMNS = ("case", "seconds", "longest")


def rows(say: Say, *, quick: bool) -> Iterator[Row]:
    """One a case."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        try:
            artifact = tiny(EMBEDDINGS, scratch) if quick else compiled(EMBEDDINGS, scratch, say, install=True)
            beside = [] if quick else [settings[0] for settings in others(artifact, say, install=True)]
        except NotHereError as why:
            say(str(why))
            return
        store, manifest = artifact.store, decoded((artifact.folder / NAME).read_bytes())
        with _bucket(scratch, store, say) as bucket:
            cases: dict[str, Callable[[], float]] = {"from a folder": lambda: _ours(scratch, f"file://{store}", manifest, {})}
            if bucket:
                cases |= {
                    "from S3": lambda: _from_s3(scratch, manifest, bucket, keep=0.0),
                    "from S3, half of it kept": lambda: _from_s3(scratch, manifest, bucket, keep=0.5),
                    "from S3, kept": lambda: _from_s3(scratch, manifest, bucket, keep=1.0),
                }
            cases |= {f"{server.name}, from a folder": lambda server=server: _other(server, scratch) for server in beside}
            seconds: dict[str, list[float]] = {case: [] for case in cases}
            for number in range(1 if quick else TIMES):
                for case, start in cases.items():
                    seconds[case].append(start())
                say(f"round {number + 1}: " + ", ".join(f"{case} {found[-1]:.1f} s" for case, found in seconds.items()))
    for case, found in seconds.items():
        yield {"case": case, "seconds": round(median(found), 2), "longest": round(max(found), 2)}


@contextmanager
def _bucket(scratch: Path, store: Path, say: Say) -> Iterator[Mapping[str, str]]:
    """An S3 server with the store in it: the variables of its clients; none where it was not built on this machine."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steelyard" / "tools"
    if not any(root.glob("versitygw-*")):
        say("no S3 server was built here yet: python -m cluster build")
        yield {}
        return
    shutil.copytree(store, scratch / "s3" / "artifacts")
    port = free_port()
    command = (binaries.programs(["versitygw"])["versitygw"], "--port", f"127.0.0.1:{port}", "--health", "/health", "posix", scratch / "s3")
    secrets = {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "testtesttest"}
    with subprocess.Popen(command, env={**os.environ, **secrets}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not _healthy(port):
                time.sleep(0.05)
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "testtesttest",
                "AWS_ALLOW_HTTP": "true",
            }
        finally:
            process.terminate()


def _healthy(port: int) -> bool:
    try:
        return http(f"http://127.0.0.1:{port}/health")[0] == 200
    except OSError:
        return False


def _from_s3(scratch: Path, manifest: Manifest, bucket: Mapping[str, str], *, keep: float) -> float:
    """keep: part of each large file that an earlier start left in the pod."""
    cache = scratch / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    kept = {**bucket, "STEELYARD_CACHE_DIR": str(cache)}
    if keep:
        _ours(scratch, "s3://artifacts", manifest, kept)
    if 0 < keep < 1:
        for blob in [path for path in cache.iterdir() if path.stat().st_size > 1 << 20]:
            os.truncate(blob, int(keep * blob.stat().st_size))
            blob.rename(cache / f".{blob.name}.part")
    return _ours(scratch, "s3://artifacts", manifest, kept)


def _ours(scratch: Path, store: str, manifest: Manifest, variables: Mapping[str, str]) -> float:
    artifact = Published(f"{store}/{manifest_path(manifest.key)}", manifest.digest, manifest.size, manifest, adopted=False)
    before, cores = {name: os.environ.get(name) for name in variables}, os.sched_getaffinity(0)
    os.environ.update(variables)
    os.sched_setaffinity(0, {CORE})  # its children's, as of the other servers
    try:
        began = time.monotonic()
        with ServerProcess(scratch, artifact, model="encoder") as server:
            os.sched_setaffinity(0, cores)
            server.wait_until_ready()
            return time.monotonic() - began
    finally:
        os.sched_setaffinity(0, cores)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _other(server: Server, scratch: Path) -> float:
    began = time.monotonic()
    try:
        server.start(scratch)
        return time.monotonic() - began
    finally:
        server.stop()


def bars(rows: Sequence[Row]) -> Sequence[Bar]:
    """A restart in the same pod costs no download."""
    seconds = {str(row["case"]): float(row["seconds"] or 0) for row in rows}
    if "from S3, kept" not in seconds:
        return (Bar("a restart in the same pod is faster than a first start", "no S3 server here", None),)
    kept, first = seconds["from S3, kept"], seconds["from S3"]
    return (Bar("a restart in the same pod is not slower than a first start", f"{kept:.1f} s after {first:.1f} s", kept <= 1.05 * first),)


def draw(figure: Figure, rows: Sequence[Row]) -> None:
    """Seconds side by side."""
    axes = figure.add_subplot()
    axes.barh([str(row["case"]) for row in rows], [float(row["seconds"] or 0) for row in rows], color="tab:blue")
    axes.invert_yaxis()
    axes.set_xlabel("seconds until ready")

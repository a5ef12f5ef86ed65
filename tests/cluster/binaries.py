"""The programs a cluster is made of, built from pinned Go modules once per machine.

Each folder of tools/ is a Go module whose go.mod says the version and whose go.sum says what exactly was downloaded. A program that is
already on PATH or in KUBEBUILDER_ASSETS is used instead when it is of the same minor version.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cluster.errors import ClusterError
from cluster.progress import duration, say, step
from cluster.waiting import tail

SOURCES = Path(__file__).parent / "tools"
#: Another checkout, or a cluster that still runs, may use another version: only what was not used for long is removed.
KEEP_DAYS = 30
KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")


@dataclass(frozen=True)
class Tool:
    """One Go module and the programs that it yields."""

    name: str
    module: str
    programs: tuple[str, ...]
    seconds: int
    """A cold build on two cores: what a person is told to expect."""
    tags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    """Variables that the linker sets to the version: programs report it, and others decide by what they report."""

    @property
    def source(self) -> Path:
        """The folder with go.mod, go.sum and perhaps main.go."""
        return SOURCES / self.name

    @property
    def version(self) -> str:
        """The version in go.mod, without the leading v; our own program has none."""
        if not self.module:
            return "-"
        found = re.search(rf"^\s*(?:require )?{re.escape(self.module)} v(\S+)", (self.source / "go.mod").read_text(), re.MULTILINE)
        if not found:
            raise ClusterError(f"{self.source}/go.mod does not require {self.module}")
        return found[1]

    @property
    def minor(self) -> str:
        """Major and minor version: what has to agree with a program that is already there."""
        return ".".join(self.version.split(".")[:2])


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "kubernetes",
            "k8s.io/kubernetes",
            KUBERNETES_PROGRAMS,
            420,
            variables=("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion"),
        ),
        Tool("etcd", "go.etcd.io/etcd/server/v3", ("etcd",), 25),
        Tool(
            "containerd",
            "github.com/containerd/containerd/v2",
            ("containerd", "containerd-shim-runc-v2", "ctr"),
            55,
            tags=("no_btrfs", "no_devmapper", "no_zfs"),
            variables=("github.com/containerd/containerd/v2/version.Version",),
        ),
        Tool("coredns", "github.com/coredns/coredns", ("coredns",), 140),
        Tool("versitygw", "github.com/versity/versitygw", ("versitygw",), 60, variables=("main.Version",)),
        Tool(
            "prometheus",
            "github.com/prometheus/prometheus",
            ("prometheus",),
            90,
            tags=("remove_all_sd", "enable_kubernetes_sd"),
            variables=("github.com/prometheus/common/version.Version",),
        ),
        Tool("box", "", ("box",), 5),
        Tool("helm", "helm.sh/helm/v4", ("helm",), 100, variables=("helm.sh/helm/v4/internal/version.version",)),
    )
}

#: How a program says its version, where `--version` is not how.
VERSION_ARGUMENTS = {"kubectl": ("version", "--client"), "coredns": ("-version",), "helm": ("version",), "containerd-shim-runc-v2": ("-v",)}


def cache_folder() -> Path:
    """Where built tools and images are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steelyard"


@cache
def go_version() -> str:
    """For example `go1.26.8`."""
    go = shutil.which("go")
    if go is None:
        raise ClusterError("the cluster's programs are built with Go: install Go 1.26 or newer and put `go` on PATH")
    # Outside of any module, so that a go.mod's toolchain line cannot change the answer.
    return subprocess.run([go, "env", "GOVERSION"], check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def built_folder(tool: Tool) -> Path:
    """Where this version of the tool, built by this Go, is or will be."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        path = tool.source / name
        digest.update(path.read_bytes() if path.exists() else b"-")
    digest.update(f"{go_version()} {tool.tags} {tool.variables}".encode())
    return cache_folder() / "tools" / f"{tool.name}-{digest.hexdigest()[:16]}"


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold a lock that the kernel gives back when the holder dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step(f"waiting for another process that holds {lock}"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _go_caches() -> Iterator[dict[str, str]]:
    """Variables that name the folders of what Go downloads and compiles on the way, 12 GB for 0.5 GB of programs. They are the person's own where
    these are set; else they are here, and go when all that was asked for is built and nobody else builds. A build that fails leaves them to the
    next one."""
    folder = cache_folder() / "tools" / "go"
    folder.mkdir(parents=True, exist_ok=True)
    ours = {"GOMODCACHE": str(folder / "modules"), "GOCACHE": str(folder / "build")}
    with folder.with_name("go.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield {name: os.environ.get(name) or path for name, path in ours.items()}
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder, ignore_errors=True)


def _go_build(tool: Tool, target: Path) -> None:
    linker = ["-s", "-w", *(f"-X {variable}=v{tool.version}" for variable in tool.variables)]
    if tool.name == "kubernetes":
        # Clients read /version's major and minor beside gitVersion.
        linker += [
            f"-X k8s.io/component-base/version.git{part}={value}"
            for part, value in zip(("Major", "Minor"), tool.minor.split("."), strict=True)
        ]
    command = ["go", "build", "-trimpath", f"-ldflags={' '.join(linker)}", f"-tags={','.join(tool.tags)}"]
    if (tool.source / "main.go").exists():
        command += ["-o", str(target / tool.name), "."]
    elif len(tool.programs) == 1:
        command += ["-o", str(target / tool.programs[0]), "tool"]
    else:
        command += ["-o", f"{target}/", "tool"]
    log = target.parent / f"{tool.name}.log"
    with log.open("w") as output, _go_caches() as caches:
        # The build must not depend on what the person has set for other Go work, and must be static: the programs run in bare namespaces.
        environment = {**os.environ, **caches, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -modcacherw", "GOWORK": "off"}
        code = subprocess.run(
            command, cwd=tool.source, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        ).returncode
    if code != 0:
        raise ClusterError(f"could not build {tool.name}: is the Go module proxy reachable (go env GOPROXY)?\n{tail(log)}")
    if tool.name == "kubernetes":
        for program in tool.programs:
            (target / program).symlink_to("kubernetes")
    missing = [program for program in tool.programs if not (target / program).exists()]
    if missing:
        raise ClusterError(f"the build of {tool.name} did not yield {', '.join(missing)}: see {log}")


def build(tool: Tool, position: str = "") -> tuple[Path, float]:
    """The folder with the tool's programs, and the seconds spent to build them (0 when they were there)."""
    folder = built_folder(tool)
    if folder.exists():
        os.utime(folder)  # still in use: see KEEP_DAYS
        return folder, 0.0
    started = time.monotonic()
    with only_one(folder.parent / f"{tool.name}.lock"):
        if folder.exists():  # another process has built it while this one waited
            return folder, 0.0
        for leftover in folder.parent.glob(f"{tool.name}-*.building"):
            shutil.rmtree(leftover)
        partial = folder.with_name(f"{folder.name}.building")
        partial.mkdir(parents=True)
        with step(f"building {tool.name} {tool.version}{position}", tool.seconds):
            _go_build(tool, partial)
        partial.rename(folder)
        for old in folder.parent.glob(f"{tool.name}-*"):
            if old.is_dir() and time.time() - old.stat().st_mtime > KEEP_DAYS * 86400:
                shutil.rmtree(old, ignore_errors=True)
    return folder, time.monotonic() - started


def _reports(program: str, path: Path, minor: str) -> bool:
    """Whether the program at `path` says that it is of this minor version."""
    arguments = VERSION_ARGUMENTS.get(program, ("--version",))
    try:
        answer = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return re.search(rf"\bv?{re.escape(minor)}\.\d", answer.stdout + answer.stderr) is not None


@cache
def _already_there(name: str) -> dict[str, Path] | None:
    """The tool's programs on this machine, when all of them are there and of the right version."""
    tool = TOOLS[name]
    if not tool.module:
        return None
    search = os.pathsep.join(filter(None, (os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH"))))
    found = {program: shutil.which(program, path=search) for program in tool.programs}
    if any(path is None for path in found.values()):
        return None
    paths = {program: Path(path) for program, path in found.items() if path}
    return paths if all(_reports(program, path, tool.minor) for program, path in paths.items()) else None


def is_there(name: str) -> bool:
    """Whether the tool can be used without a build."""
    return _already_there(name) is not None or built_folder(TOOLS[name]).exists()


def programs(names: Iterable[str]) -> dict[str, Path]:
    """The paths of all programs of the named tools, built where needed."""
    wanted = [TOOLS[name] for name in names]
    missing = [tool for tool in wanted if not is_there(tool.name)]
    if missing:
        together = sum(tool.seconds for tool in missing)
        say(
            f"{len(missing)} of the cluster's parts have to be built once: {', '.join(t.name for t in missing)} (about {duration(together)} on two cores)"
        )
    paths: dict[str, Path] = {}
    with _go_caches() if missing else nullcontext():
        for tool in wanted:
            there = _already_there(tool.name)
            if there is not None:
                paths |= there
                continue
            position = f" ({missing.index(tool) + 1} of {len(missing)})" if tool in missing else ""
            folder, _ = build(tool, position)
            paths |= {program: folder / program for program in tool.programs}
    return paths


def build_table(names: Iterable[str]) -> str:
    """Build the named tools and tell, one line each, where they are from and how long it took."""
    wanted = list(names)
    unknown = [name for name in wanted if name not in TOOLS]
    if unknown:
        raise ClusterError(f"no such part: {', '.join(unknown)}. There are {', '.join(TOOLS)}")
    rows = [("part", "version", "seconds", "where")]
    with _go_caches():
        for number, name in enumerate(wanted, 1):
            there = _already_there(name)
            if there is not None:
                rows.append((name, TOOLS[name].version, "found", str(next(iter(there.values())).parent)))
                continue
            folder, seconds = build(TOOLS[name], f" ({number} of {len(wanted)})")
            rows.append((name, TOOLS[name].version, f"{seconds:.1f}" if seconds else "cached", str(folder)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d}" for a, b, c, d in rows)

"""The programs a cluster is made of, built from pinned Go modules once per machine.

Each folder of tools/ is a Go module whose go.mod says the version and whose go.sum says what exactly was downloaded. A program that is
already on PATH or in KUBEBUILDER_ASSETS is used instead when it is of the same minor version.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from cluster import command, go_caches
from cluster.cache_folder import cache_folder
from cluster.errors import ClusterError
from cluster.fulfil import fulfil
from cluster.go import go_setting
from cluster.lock import only_one
from cluster.piece import Kind, Piece
from cluster.waiting import tail

SOURCES = Path(__file__).parent / "tools"
#: Another checkout, or a cluster that still runs, may use another version: only what was not used for long is removed.
KEEP_DAYS = 30
CONTROL_PLANE_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
KUBERNETES_PROGRAMS = (*CONTROL_PLANE_PROGRAMS, "kube-proxy", "kubelet", "kubectl")
OLDER_MINORS = ("1.35", "1.36")
KUBERNETES = "k8s.io/kubernetes"
KUBERNETES_VARIABLES = ("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion")
#: What Go needs on the way to all programs, and what the piece is called that gives it back.
GO_BYTES = 12_000_000_000
SPACE_GIVEN_BACK = "removal of Go's caches"
#: Where a module lies while it is built otherwise than it is.
CHANGED = "changed"


@dataclass(frozen=True)
class Change:
    """A figure of a module's source that no argument sets: the text `before` of a file is `after` in the program."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Tool:
    """One Go module and the programs that it yields."""

    name: str
    module: str
    programs: tuple[str, ...]
    download_seconds: int
    """The modules on the reference machine: see README.md."""
    seconds: int
    """The compilation there, with nothing compiled but the tools before it in TOOLS."""
    tags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    """Variables that the linker sets to the version: programs report it, and others decide by what they report."""
    standard: bool = True
    """Whether `make test` needs it."""
    kept: tuple[tuple[str, str], ...] = ()
    """Files that are kept beside the programs: of which module, and which by a pattern in its folder."""
    changes: tuple[Change, ...] = ()
    """Of the module itself."""

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
    def modules_piece(self) -> str:
        """What the download of its modules is called in a plan."""
        return f"Go modules of {self.name}"

    @property
    def piece(self) -> str:
        """What its compilation is called in a plan."""
        return f"{self.name} {self.version}" if self.module else f"{self.name}"

    @property
    def minor(self) -> str:
        """Major and minor version: what has to agree with a program that is already there."""
        return ".".join(self.version.split(".")[:2])


#: In the order in which they are built: the first need little, so that the processors have work while the rest is downloaded.
TOOLS = {
    tool.name: tool
    for tool in (
        Tool("box", "", ("box",), 0, 17),
        Tool("etcd", "go.etcd.io/etcd/server/v3", ("etcd",), 5, 30),
        Tool(
            "containerd",
            "github.com/containerd/containerd/v2",
            ("containerd", "containerd-shim-runc-v2", "ctr"),
            10,
            65,
            tags=("no_btrfs", "no_devmapper", "no_zfs"),
            variables=("github.com/containerd/containerd/v2/version.Version",),
        ),
        Tool("kubernetes", KUBERNETES, KUBERNETES_PROGRAMS, 11, 420, variables=KUBERNETES_VARIABLES),
        Tool("coredns", "github.com/coredns/coredns", ("coredns",), 15, 140),
        Tool("versitygw", "github.com/versity/versitygw", ("versitygw",), 4, 60, variables=("main.Version",)),
        Tool(
            "prometheus",
            "github.com/prometheus/prometheus",
            ("prometheus",),
            10,
            90,
            tags=("remove_all_sd", "enable_kubernetes_sd"),
            variables=("github.com/prometheus/common/version.Version",),
        ),
        # Of it, the controller that enforces NetworkPolicies.
        Tool(
            "kube-router",
            "github.com/cloudnativelabs/kube-router/v2",
            ("kube-router",),
            5,
            60,
            variables=("github.com/cloudnativelabs/kube-router/v2/pkg/version.Version",),
        ),
        # A gateway's controller, by which routes with weights are tested: `make test-integrations`.
        Tool(
            "contour",
            "github.com/projectcontour/contour",
            ("contour",),
            10,
            90,
            variables=("github.com/projectcontour/contour/internal/build.Version",),
            standard=False,
            kept=(
                ("sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"),
                ("github.com/projectcontour/contour", "examples/contour/01-crds.yaml"),
            ),
        ),
        # Another one, which makes other clusters of Envoy out of the same routes: the same.
        Tool(
            "envoy-gateway",
            "github.com/envoyproxy/gateway",
            ("envoy-gateway",),
            30,
            300,
            variables=("github.com/envoyproxy/gateway/internal/cmd/version.envoyGatewayVersion",),
            standard=False,
            kept=(
                ("sigs.k8s.io/gateway-api", "config/crd/standard/*.yaml"),
                ("github.com/envoyproxy/gateway", "charts/gateway-crds-helm/templates/generated/*.yaml"),
            ),
        ),
        # What chooses the pod of each request to an InferencePool, beside the definition of that: the same.
        Tool(
            "endpoint-picker",
            "sigs.k8s.io/gateway-api-inference-extension",
            ("epp",),
            10,
            120,
            standard=False,
            kept=(("sigs.k8s.io/gateway-api-inference-extension", "config/crd/bases/inference.networking.k8s.io_*.yaml"),),
        ),
        # What gives quota to pods in queues: the same.
        Tool(
            "kueue",
            "sigs.k8s.io/kueue",
            ("kueue",),
            15,
            150,
            variables=("sigs.k8s.io/kueue/pkg/version.GitVersion",),
            standard=False,
            kept=(
                ("sigs.k8s.io/kueue", "config/components/crd/bases/*.yaml"),
                ("sigs.k8s.io/kueue", "config/components/webhook/manifests.yaml"),
            ),
        ),
        # What makes a metric of Prometheus one that an HPA can go by: `make test-integrations`.
        Tool("prometheus-adapter", "sigs.k8s.io/prometheus-adapter", ("prometheus-adapter",), 10, 90, standard=False),
        # What makes nodes for pods that wait, of instance types that a file names: `make test-integrations`.
        Tool(
            "karpenter",
            "sigs.k8s.io/karpenter",
            ("karpenter",),
            10,
            100,
            variables=("sigs.k8s.io/karpenter/pkg/operator.Version",),
            standard=False,
            kept=(("sigs.k8s.io/karpenter", "pkg/apis/crds/*.yaml"), ("sigs.k8s.io/karpenter", "kwok/apis/crds/*.yaml")),
        ),
        # Only with `make test-integrations KEDA=1`: the clouds' own libraries make it large.
        Tool(
            "keda",
            "github.com/kedacore/keda/v2",
            ("adapter", "operator"),
            60,
            900,
            variables=("github.com/kedacore/keda/v2/version.Version",),
            standard=False,
            kept=(("github.com/kedacore/keda/v2", "config/crd/bases/*.yaml"),),
        ),
        # Its autoscaler, for the live benchmark alone: it looks every 15 seconds there too, whose hour takes eight minutes, unless it is built otherwise.
        Tool(
            "kthena",
            "github.com/volcano-sh/kthena",
            ("kthena-controller-manager",),
            15,
            300,
            standard=False,
            kept=(("github.com/volcano-sh/kthena", "charts/kthena/charts/workload/crds/*.yaml"),),
            changes=(
                Change("pkg/autoscaler/util/settings.go", "AutoscalingSyncPeriodSeconds    = 15", "AutoscalingSyncPeriodSeconds    = 2"),
            ),
        ),
        Tool("helm", "helm.sh/helm/v4", ("helm",), 4, 100, variables=("helm.sh/helm/v4/internal/version.version",)),
        # Control planes of the older versions that the chart allows: `make test-versions`.
        *(
            Tool(f"control-plane-{minor}", KUBERNETES, CONTROL_PLANE_PROGRAMS, 11, 300, variables=KUBERNETES_VARIABLES, standard=False)
            for minor in OLDER_MINORS
        ),
    )
}

#: How a program says its version, where `--version` is not how.
VERSION_ARGUMENTS = {
    "kubectl": ("version", "--client"),
    "coredns": ("-version",),
    "helm": ("version",),
    "contour": ("version",),
    "envoy-gateway": ("version",),
    "containerd-shim-runc-v2": ("-v",),
}


def standard() -> list[Tool]:
    """Those that `make test` needs."""
    return [tool for tool in TOOLS.values() if tool.standard]


def built_folder(tool: Tool) -> Path:
    """Where this version of the tool, built by this Go, is or will be."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        path = tool.source / name
        digest.update(path.read_bytes() if path.exists() else b"-")
    go = go_setting("GOVERSION")
    if go is None:
        raise ClusterError("the cluster's programs are built with Go: install it, and put `go` on PATH")
    digest.update(f"{go} {tool.tags} {tool.variables}{tool.kept or ''}{tool.changes or ''}".encode())
    return cache_folder() / "tools" / f"{tool.name}-{digest.hexdigest()[:16]}"


def _go(tool: Tool, arguments: Sequence[str], log: Path) -> int:
    """Run go in the tool's folder, and return its exit code."""
    with go_caches.in_use() as caches:
        # It must not depend on what the person has set for other Go work, and must be static: the programs run in bare namespaces.
        environment = {**os.environ, **caches, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -modcacherw", "GOWORK": "off"}
        return command.run(["go", *arguments], log, environment=environment, folder=tool.source)


def _package(tool: Tool) -> str:
    """What go is asked for: our own main.go, or the packages that go.mod calls tools."""
    return "." if (tool.source / "main.go").exists() else "tool"


def _fetch(tool: Tool) -> None:
    """Download the modules that the compilation will need: listing the packages does, and `go mod download` would bring their tests' too."""
    log = cache_folder() / "tools" / f"{tool.name}.modules.log"
    if _go(tool, ["list", "-deps", f"-tags={','.join(tool.tags)}", _package(tool)], log) != 0:
        raise ClusterError(f"could not download them: is the Go module proxy reachable (go env GOPROXY)?\n{tail(log)}")


def _go_build(tool: Tool, target: Path) -> None:
    linker = ["-s", "-w", *(f"-X {variable}=v{tool.version}" for variable in tool.variables)]
    if tool.module == KUBERNETES:
        # Clients read /version's major and minor beside gitVersion.
        linker += [
            f"-X k8s.io/component-base/version.git{part}={value}"
            for part, value in zip(("Major", "Minor"), tool.minor.split("."), strict=True)
        ]
    if (tool.source / "main.go").exists():
        output = str(target / tool.name)
    else:
        output = str(target / tool.programs[0]) if len(tool.programs) == 1 else f"{target}/"
    log = target.parent / f"{tool.name}.log"
    flags = ["-trimpath", f"-ldflags={' '.join(linker)}", f"-tags={','.join(tool.tags)}", *_changed(tool, target)]
    arguments = ["build", *flags, "-o", output, _package(tool)]
    if _go(tool, arguments, log) != 0:
        raise ClusterError(f"could not build it: does Go work here (go version), and is there memory and disk?\n{tail(log)}")
    if tool.module == KUBERNETES:
        for program in tool.programs:
            (target / program).symlink_to(tool.name)
    missing = [program for program in tool.programs if not (target / program).exists()]
    if missing:
        raise ClusterError(f"the build did not yield {', '.join(missing)}: see {log}")


def _module_folder(tool: Tool, target: Path, module: str) -> Path:
    """Where its source lies."""
    log = target.parent / f"{tool.name}.{module.replace('/', '-')}.log"
    if _go(tool, ["list", "-m", "-f", "{{.Dir}}", module], log) != 0:
        raise ClusterError(f"could not find the module {module}\n{tail(log)}")
    return Path(log.read_text().strip().splitlines()[-1])


def _changed(tool: Tool, target: Path) -> list[str]:
    """The flag by which Go builds a copy of the module that is changed: files of its own cache it takes as they are."""
    if not tool.changes:
        return []
    copy, other = target / CHANGED / "source", target / CHANGED / "go.mod"
    shutil.copytree(_module_folder(tool, target, tool.module), copy, copy_function=shutil.copyfile)
    for change in tool.changes:
        text = (copy / change.file).read_text()
        if text.count(change.before) != 1:
            raise ClusterError(f"{change.file} of {tool.module} {tool.version} does not say {change.before!r} once")
        (copy / change.file).write_text(text.replace(change.before, change.after))
    other.write_text((tool.source / "go.mod").read_text() + f"\nreplace {tool.module} => {copy}\n")
    shutil.copyfile(tool.source / "go.sum", other.with_suffix(".sum"))
    return [f"-modfile={other}"]


def _keep(tool: Tool, target: Path) -> None:
    """Copy the files of modules that are kept: Go's caches are given back."""
    for module, pattern in tool.kept:
        folder = _module_folder(tool, target, module)
        found = sorted(folder.glob(pattern))
        if not found:
            raise ClusterError(f"{module} has no {pattern}")
        for path in found:
            shutil.copyfile(path, target / path.name)


def _build(tool: Tool) -> None:
    folder = built_folder(tool)
    with only_one(folder.parent / f"{tool.name}.lock"):
        if folder.exists():  # another process has built it while this one waited
            return
        for leftover in folder.parent.glob(f"{tool.name}-*.building"):
            shutil.rmtree(leftover)
        partial_folder = folder.with_name(f"{folder.name}.building")
        partial_folder.mkdir(parents=True)
        _go_build(tool, partial_folder)
        shutil.rmtree(partial_folder / CHANGED, ignore_errors=True)
        _keep(tool, partial_folder)
        partial_folder.rename(folder)
        for old in folder.parent.glob(f"{tool.name}-*"):
            if old.is_dir() and time.time() - old.stat().st_mtime > KEEP_DAYS * 86400:
                shutil.rmtree(old, ignore_errors=True)


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
    """Whether the tool can be used without a build. Without Go nobody can tell what has been built: nothing then."""
    if _already_there(name) is not None:
        return True
    return go_setting("GOVERSION") is not None and built_folder(TOOLS[name]).exists()


def missing(names: Iterable[str]) -> list[Tool]:
    """Those of the tools that have to be built, in the order in which they are: TOOLS'."""
    wanted = set(names)
    if unknown := sorted(wanted - TOOLS.keys()):
        raise ClusterError(f"no such part: {', '.join(unknown)}. There are {', '.join(TOOLS)}")
    return [tool for tool in TOOLS.values() if tool.name in wanted and not is_there(tool.name)]


def pieces(names: Iterable[str]) -> list[Piece]:
    """What has to be done until all of them are there."""
    tools = missing(names)
    if not tools:
        return []
    fetched = [Piece(tool.modules_piece, Kind.DOWNLOAD, tool.download_seconds, partial(_fetch, tool)) for tool in tools if tool.module]
    built = [Piece(tool.piece, Kind.BUILD, tool.seconds, partial(_build, tool), frozenset({tool.modules_piece})) for tool in tools]
    return [*fetched, *built, Piece(SPACE_GIVEN_BACK, Kind.BUILD, 10, go_caches.give_back, frozenset(piece.name for piece in built))]


def paths(names: Iterable[str]) -> dict[str, Path]:
    """The paths of all programs of the named tools, which are there."""
    found: dict[str, Path] = {}
    for name in names:
        there = _already_there(name)
        if there is None:
            folder = built_folder(TOOLS[name])
            if not folder.exists():
                raise ClusterError(f"{name} is not built: `python -m cluster build {name}`")
            os.utime(folder)  # still in use: see KEEP_DAYS
            there = {program: folder / program for program in TOOLS[name].programs}
        found |= there
    return found


def programs(names: Iterable[str]) -> dict[str, Path]:
    """The paths of all programs of the named tools, built where needed."""
    wanted = list(names)
    fulfil(pieces(wanted))
    return paths(wanted)


def table(names: Iterable[str], took: Mapping[str, float]) -> str:
    """One line each: where the tool's programs are from, and how long it took to compile them."""
    rows = [("part", "version", "seconds", "where")]
    for name in names:
        tool = TOOLS[name]
        how = "found" if _already_there(name) is not None else "cached"
        seconds = f"{took[tool.piece]:.1f}" if tool.piece in took else how
        rows.append((name, tool.version, seconds, str(next(iter(paths([name]).values())).parent)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d}" for a, b, c, d in rows)

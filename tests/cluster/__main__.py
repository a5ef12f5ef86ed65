"""`python -m cluster`: a real Kubernetes on this machine, for development, the demo and the tests."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from cluster import binaries, images, interrupts, preflight, provision
from cluster.access import Access, ExistingCluster
from cluster.cluster import Cluster, end
from cluster.errors import ClusterError
from cluster.fulfil import fulfil
from cluster.identity import running
from cluster.image_store import ImageRef, ImageStore
from cluster.kind import KindCluster
from cluster.mode import mode
from cluster.node_spec import PRESETS, NodeSpec, node_set
from cluster.progress import duration, say
from cluster.provision import WITH, Wanted

DEFAULT_NAME = "dev"


def _image_environment(refs: Sequence[ImageRef]) -> dict[str, str]:
    """Where a program finds the images' names: STEELYARD_IMAGE_OPERATOR, STEELYARD_IMAGE_RUNTIME_SERVE ..."""
    return {f"STEELYARD_IMAGE_{ref.name.rsplit('/', 1)[1].upper().replace('-', '_')}": ref.reference for ref in refs}


def _bring_up(arguments: argparse.Namespace, ends: ExitStack) -> tuple[Access, dict[str, str]]:
    """The cluster and the environment for a program that uses it. `ends` knows how to end what was made."""
    nodes = node_set(arguments.nodes)
    extras = {name for name in arguments.extras.split(",") if name}
    if unknown := extras - set(WITH):
        raise ClusterError(f"--with {','.join(sorted(unknown))}: there are {', '.join(WITH)}")
    targets = list(images.SETS.get(arguments.images) or filter(None, arguments.images.split(",")))
    wanted = provision.for_cluster(mode(), nodes=bool(nodes), targets=targets, extras=extras | ({"s3"} if nodes else set()))
    _fulfil(wanted, arguments.name if mode() == "local" else "")
    refs = [images.reference_of(target) for target in targets]
    started = time.monotonic()
    cluster: Access
    if mode() == "existing":
        cluster = ExistingCluster()
    elif mode() == "kind":
        cluster = kind_cluster = KindCluster.start(arguments.name, nodes, refs)
        ends.callback(kind_cluster.stop)
    else:
        cluster = local = Cluster.start(arguments.name, nodes, images=refs)
        ends.callback(local.stop)
        if nodes or "s3" in extras:
            assert local.s3
        if "prometheus" in extras:
            say(f"Prometheus: {local.prometheus()}")
        say(f"cluster {arguments.name} is up after {duration(time.monotonic() - started)}: {len(nodes)} nodes; logs in {local.logs}")
    return cluster, {**cluster.environment(), **_image_environment(refs)}


def up(arguments: argparse.Namespace) -> int:
    """Bring a cluster up and leave it running."""
    with ExitStack() as ends:
        cluster, environment = _bring_up(arguments, ends)
        if arguments.foreground:
            say("it lives until this ends: press Ctrl-C")
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
            return 0
        if isinstance(cluster, Cluster):
            cluster.detach()
        ends.pop_all()
    own = {key: value for key, value in environment.items() if os.environ.get(key) != value}
    print("\n".join(f"export {key}={value}" for key, value in own.items()))
    return 0


def down(arguments: argparse.Namespace) -> int:
    """End a cluster, or all of them."""
    if mode() == "existing":
        raise ClusterError("CLUSTER=existing: this tool did not make that cluster, and does not end it")
    if mode() == "kind":
        KindCluster(arguments.name).stop()
        return 0
    chosen = [(number, state) for number, state in running() if arguments.all or state.get("name") == arguments.name]
    if not chosen and not arguments.all:
        say(f"no cluster named {arguments.name} is up")
    for number, _ in chosen:
        end(number)
    return 0


def status(_: argparse.Namespace) -> int:
    """What is up."""
    clusters = running()
    if not clusters:
        print("no cluster is up: `python -m cluster up` starts one")
    for number, state in clusters:
        try:
            _tell(Cluster.attach(state["name"]), state["started"])
        except (KeyError, ClusterError, OSError):
            print(f"{state.get('name', 'a cluster')} (number {number.number}) is starting or ending; logs in {number.logs}")
    return 0


def _tell(cluster: Cluster, started: float) -> None:
    print(f"{cluster.name}: {cluster.api_url}, up for {duration(time.time() - started)}; logs in {cluster.logs}")
    for name, part in cluster.supervisor.status().items():
        print(f"  {name}: {'running' if part['ended'] is None else 'ended with ' + str(part['ended'])}")
    if any(cluster.nodes):
        print(cluster.kubectl("get", "nodes", "-L", "steelyard.dev/pool").rstrip())


PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(arguments: argparse.Namespace) -> int:
    """Bring a cluster up, run a command with it, take it down, and end as the command did."""
    if not arguments.command:
        raise ClusterError("run what? For example: python -m cluster run --nodes demo -- kubectl get nodes")
    with ExitStack() as ends:
        _, environment = _bring_up(arguments, ends)
        return _run_command(arguments.command, environment)


def _run_command(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run it in the foreground; signals reach it, and the cluster stays until it has ended."""
    # Should this process be killed, the command must not go on without a cluster.
    tied = ["setpriv", "--pdeathsig", "TERM", *command]
    # A signal that comes while nobody passes it on waits until somebody does.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    try:
        child = subprocess.Popen(
            tied,
            env={**os.environ, **environment},
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before),  # noqa: PLW1509  the command must not inherit that
        )
        # The terminal has sent it to the command, too.
        alone = not sys.stdin.isatty()
        signal.signal(signal.SIGINT, (lambda *_: child.send_signal(signal.SIGINT)) if alone else signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        signal.signal(signal.SIGHUP, lambda *_: child.send_signal(signal.SIGHUP))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _attach(arguments: argparse.Namespace) -> Access:
    if mode() == "existing":
        return ExistingCluster()
    return KindCluster(arguments.name) if mode() == "kind" else Cluster.attach(arguments.name)


def shell(arguments: argparse.Namespace) -> int:
    """A shell in which kubectl, helm and the demo find the cluster."""
    return _run_command([os.environ.get("SHELL", "/bin/sh")], _attach(arguments).environment())


def kubeconfig(arguments: argparse.Namespace) -> int:
    """Print the path of the kubeconfig file."""
    print(_attach(arguments).kubeconfig)
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build the programs that a cluster is made of."""
    parts = arguments.parts or [tool.name for tool in binaries.standard()]
    took = _fulfil(Wanted(frozenset(parts)))
    print(binaries.table(parts, took))
    return 0


def images_command(arguments: argparse.Namespace) -> int:
    """Build images, and unpack them for the nodes."""
    if arguments.prune:
        images.prune()
        return 0
    if arguments.list:
        print("\n".join(ImageStore().references()))
        return 0
    targets = arguments.targets or list(images.TARGETS)
    _fulfil(Wanted(frozenset({"containerd"}), targets=tuple(targets), unpacked=True))
    print("\n".join(images.reference_of(target).reference for target in targets))
    return 0


def _fulfil(wanted: Wanted, name: str = "") -> dict[str, float]:
    """Build and fetch what is missing of it, unless this machine lacks what that takes; the seconds of each piece."""
    preflight.demand(wanted.needs(mode(), name))
    return fulfil(wanted.pieces())


def _pairs(values: Sequence[str]) -> dict[str, str]:
    return dict(value.partition("=")[::2] for value in values)


def node(arguments: argparse.Namespace) -> int:
    """Add, remove or break nodes of a running cluster."""
    if mode() != "local":
        raise ClusterError(
            f"CLUSTER={mode()}: nodes are added and removed only in local clusters; with kind, make the cluster anew with --nodes"
        )
    nodes = Cluster.attach(arguments.name).nodes
    if arguments.action == "add":
        own = _pairs(arguments.label), tuple(arguments.taint), _pairs(arguments.reserve), _pairs(arguments.capacity)
        plain = arguments.node in PRESETS or arguments.node.endswith((".yaml", ".yml"))
        nodes.add(*(node_set(arguments.node) if plain and not any(own) else [NodeSpec(arguments.node, *own)]))
        return 0
    actions: dict[str, Callable[[str], None]] = {
        "rm": nodes.remove,
        "kill": nodes.kill,
        "restart": nodes.restart,
        "cut": nodes.cut,
        "mend": nodes.mend,
    }
    actions[arguments.action](arguments.node)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cluster",
        description="A real Kubernetes on this machine. CLUSTER=local (default), kind or existing says where.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int], named: bool = True) -> argparse.ArgumentParser:
        text = (action.__doc__ or "").strip()
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(action_function=action)
        if named:
            made.add_argument("--name", default=DEFAULT_NAME, help=f"of the cluster (default: {DEFAULT_NAME})")
        return made

    for name, action in (("up", up), ("run", run)):
        one = command(name, action)
        one.add_argument(
            "--nodes", default="demo", help=f"{', '.join(PRESETS)} (several by commas), or a YAML file with a list of nodes (default: demo)"
        )
        one.add_argument(
            "--images", default="", help=f"{' or '.join(images.SETS)}, or some of {','.join(images.ALL)}: built and given to the nodes"
        )
        one.add_argument(
            "--with", dest="extras", default="", metavar="PARTS", help=f"some of {','.join(WITH)} (the object store comes with nodes)"
        )
    commands.choices["up"].add_argument("--foreground", action="store_true", help="the cluster ends with this command")
    commands.choices["run"].add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="gets KUBECONFIG, PATH, STEELYARD_S3_..., STEELYARD_IMAGE_..."
    )
    command("down", down).add_argument("--all", action="store_true", help="all clusters")
    command("status", status, named=False)
    command("kubeconfig", kubeconfig)
    command("shell", shell)
    command("build", build, named=False).add_argument(
        "parts", nargs="*", help=f"some of {', '.join(binaries.TOOLS)} (default: what `make test` needs)"
    )
    pictures = command("images", images_command, named=False)
    pictures.add_argument("targets", nargs="*", help=f"some of {', '.join(images.TARGETS)} (default: what `make test` needs)")
    pictures.add_argument("--list", action="store_true", help="what the nodes would have")
    pictures.add_argument("--prune", action="store_true", help="remove all images, archives and layers")
    machine = command("node", node)
    machine.add_argument("action", choices=["add", "rm", "kill", "restart", "cut", "mend"])
    machine.add_argument("node", help="its name; with add also a preset or a YAML file")
    for option, meaning in (("label", "KEY=VALUE"), ("taint", "KEY=VALUE:EFFECT"), ("reserve", "cpu=500m"), ("capacity", "RESOURCE=COUNT")):
        machine.add_argument(f"--{option}", action="append", default=[], metavar=meaning, help="may be repeated")
    return parser


def main() -> int:
    """Run one command; what is wrong is said in a sentence, without a traceback."""
    arguments = _parser().parse_args()
    if getattr(arguments, "command", None) and arguments.command[0] == "--":
        arguments.command = arguments.command[1:]

    interrupts.become_exceptions()
    try:
        code: int = arguments.action_function(arguments)
    except ClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    return code


if __name__ == "__main__":
    sys.exit(main())

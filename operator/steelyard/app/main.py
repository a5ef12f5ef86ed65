"""`steelyard-operator`: run the operator, in a pod or as a process beside a kubeconfig."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path

import uvloop

from steelyard.app import process_memory
from steelyard.app.config import Config, ConfigError, load
from steelyard.app.ending import end_at_latest
from steelyard.app.operator import Door, Identity, Operator, SecuredMetrics
from steelyard.control.kube.credentials import Credentials, CredentialsMissing, InCluster, Kubeconfig
from steelyard.control.listening import EVERYWHERE
from steelyard.control.log import configure
from steelyard.control.telemetry.certificate import Certificate

PORT = 8080
METRICS_PORT = 8443
SCALER_PORT = 8090
EXPANDER_PORT = 8091
TURN_SECONDS = 0.0001
"""For which a thread computes while others wait. The event loop waits so long again after each thing that it asks of the system, as long as a page of
metrics or a plan is made: Python's own 5 ms leave it little of the processor then."""


def main(arguments: list[str] | None = None) -> int:
    """Parse, configure, run. Exit code 2: it could not start; 1: it ended by itself; 0: it was stopped."""
    parser = argparse.ArgumentParser(prog="steelyard-operator", description="Runs each model where one good request costs least.")
    parser.add_argument("--config", type=Path, default=Path("/etc/steelyard/config.yaml"), help="the configuration file (YAML)")
    parser.add_argument("--kubeconfig", type=Path, help="run outside a cluster, with this kubeconfig")
    parser.add_argument("--host", default=EVERYWHERE, help="address of /livez, /readyz and /metrics (default: every one, IPv4 and IPv6)")
    parser.add_argument("--port", type=int, default=PORT, help="port of /livez and /readyz; 0 takes a free one")
    parser.add_argument(
        "--metrics-certificate",
        type=Path,
        metavar="FOLDER",
        help="serve /metrics by HTTPS on --metrics-port with tls.crt and tls.key of this folder, to bearers of a token that the API server "
        "allows to GET /metrics; without it, by HTTP on --port, to everybody",
    )
    parser.add_argument("--metrics-port", type=int, default=METRICS_PORT, help="port of /metrics by HTTPS; 0 takes a free one")
    parser.add_argument("--external-scaler", action="store_true", help="tell KEDA what the plan has for a workload on a pool, by gRPC")
    parser.add_argument("--external-scaler-port", type=int, default=SCALER_PORT, help="its port; 0 takes a free one")
    parser.add_argument(
        "--external-scaler-certificate",
        type=Path,
        metavar="FOLDER",
        help="serve it by TLS with tls.crt and tls.key of this folder; without it, in plain text",
    )
    parser.add_argument(
        "--external-scaler-client-certificates",
        action="store_true",
        help="let in only clients with a certificate of the authority in ca.crt of that folder",
    )
    parser.add_argument(
        "--expander-certificate",
        type=Path,
        metavar="FOLDER",
        help="tell Cluster Autoscaler which of its node groups good requests cost least on, by gRPC and TLS with tls.crt and tls.key of this folder",
    )
    parser.add_argument("--expander-port", type=int, default=EXPANDER_PORT, help="its port; 0 takes a free one")
    parser.add_argument("--namespace", help="namespace of the Lease; in a pod its own")
    parser.add_argument(
        "--release", default="steelyard", help="name of the Helm release: with the namespace, what other installations know this one by"
    )
    given = parser.parse_args(arguments)
    try:
        config = load(given.config)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        return 2
    configure(style=config.log.format, level=config.log.level)
    credentials: Credentials = InCluster()
    if given.kubeconfig is not None:
        # kopf's login reads the variable; both connections must mean the same cluster.
        os.environ["KUBECONFIG"] = str(given.kubeconfig)
        credentials = Kubeconfig(given.kubeconfig)
    identity = Identity.of(
        os.environ.get("POD_NAME") or socket.gethostname(),
        given.namespace or os.environ.get("POD_NAMESPACE") or "default",
        given.release,
    )
    secured = None
    if given.metrics_certificate is not None:
        try:
            secured = SecuredMetrics(given.metrics_port, Certificate(given.metrics_certificate))
        except OSError as error:
            print(f"{given.metrics_certificate} has no tls.crt and tls.key that can be used: {error}", file=sys.stderr)  # noqa: T201
            return 2
    scaler = expander = None
    if given.external_scaler:
        scaler = Door(given.external_scaler_port, given.external_scaler_certificate, given.external_scaler_client_certificates)
    if given.expander_certificate is not None:
        expander = Door(given.expander_port, given.expander_certificate)
    for door in (scaler, expander):
        if door is not None and (missing := door.missing()):
            print(missing, file=sys.stderr)  # noqa: T201
            return 2
    process_memory.hold_once()
    process_memory.look_seldom()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        return uvloop.run(_run(config, credentials, identity, secured, (scaler, expander), given))
    except CredentialsMissing as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2


async def _run(
    config: Config,
    credentials: Credentials,
    identity: Identity,
    secured: SecuredMetrics | None,
    doors: tuple[Door | None, Door | None],
    given: argparse.Namespace,
) -> int:
    # Inside the loop: the parts make events and queues of this loop.
    scaler, expander = doors
    where = {"host": given.host, "port": given.port}
    return await Operator(
        config, credentials, identity, **where, secured=secured, scaler=scaler, expander=expander, on_ending=end_at_latest
    ).run()


if __name__ == "__main__":
    sys.exit(main())

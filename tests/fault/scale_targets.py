"""A workload that is sized elsewhere, as whoever sizes it sees it: its ScaleTargets, and what stands for them."""

from __future__ import annotations

import grpc

from fault.move_run import OWN, SOON, WORKLOAD, MoveRun
from steelyard.control.keda.external_scaler import METRIC, SERVICE
from steelyard.control.keda.external_scaler_pb2 import GetMetricsRequest, GetMetricsResponse, ScaledObjectRef

EXTERNAL = {"owner": "External", "minReplicas": 1, "maxReplicas": 2}
ANOTHER_MODEL = {"batchSizes": [1, 8], "sequenceLengths": [32]}


def target(pool: str) -> str:
    """The name of the ScaleTarget of the run's workload on a pool."""
    return f"{WORKLOAD}.{pool}"


def targets(run: MoveRun) -> dict[str, int]:
    """Replicas that are asked for, by pool."""
    return {t["spec"]["pool"]: t["spec"]["replicas"] for t in run.listed("steelyard.dev/v1alpha1/scaletargets")}


def scale(run: MoveRun, pool: str, replicas: int) -> None:
    """As an autoscaler does, through the subresource, under its own name."""
    path = f"{OWN}/namespaces/{run.namespace}/scaletargets/{target(pool)}/scale?fieldManager=an-autoscaler"
    status, body = run.cluster.api.request("PATCH", path, {"spec": {"replicas": replicas}}, "application/merge-patch+json")
    assert status == 200, body


def deployments(run: MoveRun) -> dict[str, int]:
    """Replicas that are written, by the name of the Deployment."""
    return {d["metadata"]["name"]: d["spec"]["replicas"] for d in run.listed("apps/v1/deployments")}


def told(run: MoveRun, pool: str, host: str = "127.0.0.1") -> int | str:
    """What KEDA would be told: a number, or the name of the error."""
    request = GetMetricsRequest(
        metricName=METRIC,
        scaledObjectRef=ScaledObjectRef(name="embed", namespace=run.namespace, scalerMetadata={"workload": WORKLOAD, "pool": pool}),
    )
    with grpc.insecure_channel(f"{host}:{run.operators[-1].scaler_port()}") as channel:
        ask = channel.unary_unary(f"/{SERVICE}/GetMetrics", GetMetricsRequest.SerializeToString, GetMetricsResponse.FromString)
        try:
            (value,) = ask(request, timeout=SOON).metricValues
        except grpc.RpcError as error:
            return str(error.code().name)
        return int(value.metricValueFloat)

"""A server that runs already and stays its owner's: it is read, and nothing of it is changed."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.metrics_page import ServerPage
from steelyard.api.model import SpecModel
from steelyard.api.text import ObjectName
from steelyard.api.word import Word


class ExistingKind(Word):
    """What its pods are made by."""

    DEPLOYMENT = "Deployment", "of apps/v1"
    STATEFUL_SET = "StatefulSet", "of apps/v1"
    LEADER_WORKER_SET = "LeaderWorkerSet", "of leaderworkerset.x-k8s.io/v1; a replica is a group, and its leader is read"
    INFERENCE_SERVICE = "InferenceService", "of serving.kserve.io/v1beta1; the predictor is read, and all of its pods cost"


class ExistingServer(SpecModel):
    """One object of the workload's namespace."""

    kind: Annotated[ExistingKind, says("What it is.", example="StatefulSet")] = ExistingKind.DEPLOYMENT
    name: Annotated[
        ObjectName,
        says("Its name in the workload's own namespace. Its pods, and the nodes under them, are read; nothing is written.", example="chat"),
    ]
    metrics: Annotated[ServerPage, says("Where each of its replicas says what it did: by a profile, or by the names of its metrics.")]

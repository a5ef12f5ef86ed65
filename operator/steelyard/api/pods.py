"""Whose pods a workload's pods are: what their images are pulled with, and the service account that a cloud may know them by."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.text import ObjectName, QueueName

PullSecrets = Annotated[
    tuple[Annotated[ObjectName, says("The name of a Secret of the same namespace.", example="registry")], ...],
    says(
        "Secrets of the same namespace, of type kubernetes.io/dockerconfigjson, with which the nodes pull the images of the pods. They are names "
        "for the kubelet; the operator never reads them.",
        most=8,
        list_type="set",
    ),
]


class Pods(SpecModel):
    """What the pods of a workload are given. No service account's token is mounted in any of them.

    None of this is part of the revision: a change restarts nothing, and is taken up by the next placement or compile that is made anyway. A
    CompiledModel keeps what it was made with, as it keeps the address of its model.
    """

    image_pull_secrets: PullSecrets = ()
    queue_name: Annotated[
        QueueName | None,
        says(
            "The LocalQueue of Kueue, of the same namespace, whose quota counts the pods that serve, and those of probes and "
            "trials. A replica without quota waits, which is told as WaitingForQuota. Left out, they are in none, but for what the "
            "namespace's own LocalQueue `default` takes.",
            example="team-a",
        ),
    ] = None
    service_account_name: Annotated[
        ObjectName | None,
        says(
            "The service account of serving pods, of the same namespace, and allowed by the installation (the chart's "
            "admissionPolicy.serviceAccounts). Left out, the namespace's default. Where a cloud gives it an identity, that one "
            "should read the artifact store and nothing else.",
            example="models",
        ),
    ] = None
    compile_service_account_name: Annotated[
        ObjectName | None,
        says(
            "The service account of compile pods, of the same namespace, and allowed likewise. Left out, the namespace's default. "
            "Where a cloud gives it an identity, that one must be able to write the artifact store and to read the model.",
            example="models-compile",
        ),
    ] = None

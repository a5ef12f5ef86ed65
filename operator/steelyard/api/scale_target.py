"""ScaleTarget: where somebody else writes how many replicas a workload has on a pool."""

from typing import Annotated, Literal

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.kind import Column, Kind, Resource, Scale
from steelyard.api.model import SpecModel, StatusModel
from steelyard.api.rule import Rule
from steelyard.api.text import PoolName, WorkloadName

REPLICAS_MAX = 10_000

Replicas = Annotated[int, Field(ge=0, le=REPLICAS_MAX, strict=True)]


class ScaleTargetSpec(SpecModel):
    """Of what, and how many."""

    RULES = (
        Rule(
            "self.workloadName == oldSelf.workloadName && self.pool == oldSelf.pool",
            "must keep workloadName and pool: an autoscaler writes replicas alone",
            None,
            field="workloadName",
            reason="FieldValueForbidden",
        ),
    )

    workload_name: Annotated[
        WorkloadName,
        says(
            "The InferenceWorkload of the same namespace whose replicas these are. The object goes with it, and with scaling.owner Steelyard.",
            example="embedder",
        ),
    ]
    pool: Annotated[
        PoolName,
        says(
            "The AcceleratorPool that the replicas are on. Replicas for a pool where none runs yet start one there, once it is compiled for.",
            example="inf2-xlarge",
        ),
    ]
    replicas: Annotated[
        int,
        says(
            "How many replicas there should be on the pool, whatever revisions they are of. The operator writes it once, with what stands then; "
            "afterwards an autoscaler or a person does, by the scale subresource.",
            unit="replicas",
            example=3,
            low=0,
            high=REPLICAS_MAX,
        ),
    ]


class ScaleTargetStatus(StatusModel):
    """What stands, as the scale subresource tells it."""

    replicas: Annotated[
        Replicas,
        says("Pods of the workload on the pool, of all revisions: during a roll-out more than spec.replicas.", unit="replicas", example=3),
    ] = 0
    ready_replicas: Annotated[
        Replicas, says("Those of them that are ready and serve; what else there is starts, or leaves.", unit="replicas", example=3)
    ] = 0
    selector: Annotated[
        Annotated[str, Field(max_length=256, pattern="^[-a-z0-9./=,]*$")],
        says(
            "Labels of those pods as the API server reads a selector: an autoscaler that goes by their metrics averages over all of them.",
            example="steelyard.dev/pool=inf2-xlarge,steelyard.dev/role=serving,steelyard.dev/workload=embedder",
        ),
    ] = ""


class ScaleTarget(Resource):
    """How many replicas of a workload run on a pool, for an autoscaler to write: it keeps its name through all revisions.

    The operator makes one for each pool that the workload may use while `spec.scaling.owner` is `External`.
    """

    RULES = (
        Rule(
            "self.metadata.name == self.spec.workloadName + '.' + self.spec.pool",
            "must be named WORKLOAD.POOL, after its own workloadName and pool",
            lambda t: t.metadata.name == f"{t.spec.workload_name}.{t.spec.pool}",
        ),
    )

    kind: Literal["ScaleTarget"] = "ScaleTarget"
    spec: Annotated[ScaleTargetSpec, says("Of what, and how many. The operator makes the object, and an autoscaler writes spec.replicas.")]
    status: Annotated[
        ScaleTargetStatus,
        says(
            "What stands on the pool, of all revisions of the workload together, as the scale subresource tells it. Only the operator writes it."
        ),
    ] = ScaleTargetStatus()


SCALE_TARGET = Kind(
    model=ScaleTarget,
    name="ScaleTarget",
    plural="scaletargets",
    short="starget",
    scope="Namespaced",
    columns=(
        Column("Workload", ".spec.workloadName", "Whose replicas these are."),
        Column("Pool", ".spec.pool", "Where they run."),
        Column("Replicas", ".spec.replicas", "How many there should be.", "integer"),
        Column("Ready", ".status.readyReplicas", "How many serve.", "integer"),
        Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date"),
    ),
    scale=Scale(spec=".spec.replicas", status=".status.replicas", selector=".status.selector"),
)

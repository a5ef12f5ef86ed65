"""How many replicas, over all pools, and whose hand is on that number."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Rule
from steelyard.api.word import Word


class ReplicaOwner(Word):
    """Who writes the number of replicas."""

    STEELYARD = "Steelyard", "sizing follows the load"
    EXTERNAL = "External", "an HPA, KEDA or a person does, on the ScaleTargets"


class Scaling(SpecModel):
    """Bounds of the number of replicas."""

    RULES = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "must not be more than maxReplicas: lower minReplicas or raise maxReplicas",
            lambda s: s.min_replicas <= s.max_replicas,
            field="minReplicas",
        ),
    )

    min_replicas: Annotated[
        int,
        says(
            "The fewest replicas over all pools together, kept even without any request. 0 means 1 in this version, which never stops the last "
            "replica.",
            unit="replicas",
            example=2,
            low=0,
            high=10_000,
        ),
    ] = 1
    max_replicas: Annotated[
        int,
        says(
            "The most replicas over all pools together, the surge of a move included; a new revision and a rescue may run one more "
            "for a while. It bounds what a burst can cost.",
            unit="replicas",
            example=40,
            low=1,
            high=10_000,
        ),
    ] = 10
    priority: Annotated[
        int,
        says(
            "Who is served first where the pools or a budget do not hold all workloads: higher is first, and lower ones give back "
            "replicas whose nodes it lacks. It counts as far as the operator's configuration grants it to the namespace "
            "(maxPriority, namespacePriorities).",
            unit="rank",
            example=100,
            low=0,
            high=1000,
        ),
    ] = 0
    owner: Annotated[
        ReplicaOwner,
        says(
            "Who writes the number of replicas. With External there is a ScaleTarget WORKLOAD.POOL for each pool that may be used, "
            "through all revisions: what an HPA, KEDA or a person writes there is brought about on that pool, and minReplicas and "
            "maxReplicas are theirs to keep. Steelyard places the first replicas, rolls out revisions, moves nothing, and says what"
            " it would do.",
            example="External",
        ),
    ] = ReplicaOwner.STEELYARD

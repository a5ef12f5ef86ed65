"""How the nodes of a pool are found, and what pods need to be scheduled on them."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.placement import LABEL_KEYS_ONLY, LabelKey, LabelValue
from steelyard.api.rule import Rule
from steelyard.api.text import ObjectName
from steelyard.api.word import Word


class TolerationOperator(Word):
    """How a taint is compared."""

    EQUAL = "Equal", "the taint has this value"
    EXISTS = "Exists", "the taint is present"


class TaintEffect(Word):
    """What a taint does."""

    NO_SCHEDULE = "NoSchedule", "keeps new pods away"
    PREFER_NO_SCHEDULE = "PreferNoSchedule", "keeps new pods away if possible"
    NO_EXECUTE = "NoExecute", "also removes running pods"


class Toleration(SpecModel):
    """One taint that pods of this pool accept."""

    RULES = (
        Rule(
            "self.operator != 'Exists' || !has(self.value)",
            "must be left out when operator is Exists, which accepts any value",
            lambda t: t.operator != TolerationOperator.EXISTS or t.value is None,
            field="value",
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.operator == 'Exists' || has(self.key)",
            "must be given unless operator is Exists: a taint without a key cannot be compared with a value",
            lambda t: t.operator == TolerationOperator.EXISTS or t.key is not None,
            field="key",
            reason="FieldValueRequired",
        ),
    )

    key: Annotated[
        LabelKey | None,
        says(
            "The key of the taint to accept. Left out together with operator Exists, every taint is accepted.",
            example="aws.amazon.com/neuron",
        ),
    ] = None
    operator: Annotated[
        TolerationOperator, says("How the value of the taint is compared, as in every toleration of Kubernetes.", example="Exists")
    ] = TolerationOperator.EQUAL
    value: Annotated[
        LabelValue | None, says("The value that the taint must have, with operator Equal. Exists takes none.", example="present")
    ] = None
    effect: Annotated[
        TaintEffect | None, says("Which effect of the taint is accepted. Left out, all effects are.", example="NoSchedule")
    ] = None


class Nodes(SpecModel):
    """How to find the pool's nodes and be scheduled on them."""

    selector: Annotated[
        dict[str, Annotated[LabelValue, says("The value that this label has on the nodes.", example="inf2.xlarge")]],
        says(
            "Labels that exactly the nodes of this pool have. Two pools must not share a node, or its cost would be counted twice. May be "
            "left out where provisioner.nodePool says whose nodes they are.",
            example={"node.kubernetes.io/instance-type": "inf2.xlarge"},
            most=16,
        ),
        LABEL_KEYS_ONLY,
    ] = {}  # noqa: RUF012 - frozen, and never written to
    tolerations: Annotated[
        tuple[Toleration, ...],
        says(
            "Taints of the nodes that replicas of this pool accept, as in every pod of Kubernetes. Those of provisioner.nodePool are accepted "
            "in any case.",
            most=16,
            list_type="atomic",
        ),
    ] = ()
    scheduler_name: Annotated[
        ObjectName | None,
        says(
            "The scheduler for replicas of this pool, for devices that need their own. Left out, it is the cluster's default scheduler.",
            example="my-scheduler",
        ),
    ] = None
    runtime_class_name: Annotated[
        ObjectName | None,
        says(
            "The RuntimeClass of this pool's pods, where the nodes' own runtime does not lay the device into a container. Left out, it is the "
            "cluster's default.",
            example="nvidia",
        ),
    ] = None

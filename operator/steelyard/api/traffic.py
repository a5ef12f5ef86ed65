"""By what way requests come (a route of the Gateway API with a weight for each placement, by Services or InferencePools), and samples of them."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule
from steelyard.api.samples import Samples
from steelyard.api.text import ObjectName
from steelyard.api.word import Word

NamespaceName = Annotated[
    str,
    Field(max_length=63),
    Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "must be the name of a namespace: lower case letters, digits and dashes"),
]

Hostname = Annotated[
    str,
    Field(min_length=1, max_length=253),
    Pattern(
        "^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        'must be a host name in lower case, without a port, such as "models.example.com" or "*.example.com"',
    ),
]

PathPrefix = Annotated[
    str,
    Field(min_length=1, max_length=256),
    Pattern(
        "^/([-A-Za-z0-9._~!$&()*+,;=:@]+/?)*$",
        'must begin with "/" and be a path without "//", "?", "#" and "%", such as "/models/embedder"',
    ),
]


PICKER_POOL = "{pool}"

PickerName = Annotated[
    str,
    Field(max_length=63),
    Pattern(
        "^([a-z]|[{]pool[}])(-*([a-z0-9]|[{]pool[}]))*$",
        'must be the name of a Service in lower case, in which {pool} stands for the name of an AcceleratorPool, such as "picker-{pool}"',
    ),
]


class PoolExtent(Word):
    """Which pods an InferencePool selects."""

    PER_POOL = (
        "PerPool",
        "one InferencePool for each AcceleratorPool in use, named WORKLOAD-POOL, with the weights of the route between them",
    )
    SHARED = (
        "Shared",
        "one InferencePool of the workload's name for the pods of all pools; its endpoint picker spreads the requests, and there are no weights",
    )


class PickerFailure(Word):
    """What a gateway does while the endpoint picker does not answer."""

    FAIL_CLOSE = "FailClose", "it answers with an error"
    FAIL_OPEN = "FailOpen", "it sends the request to any pod of the InferencePool"


class EndpointPickerRef(SpecModel):
    """The endpoint picker of an InferencePool: a program that you run behind a Service of the workload's namespace."""

    name: Annotated[
        PickerName,
        says(
            "The name of its Service. {pool} in it stands for the name of the AcceleratorPool: most pickers choose within one "
            "InferencePool each.",
            example="chat-{pool}-picker",
        ),
    ]
    port: Annotated[int, says("The Service's port.", unit="port number", example=9003, low=1, high=65_535)] = 9002
    failure_mode: Annotated[PickerFailure, says("What a gateway does while the endpoint picker does not answer.", example="FailOpen")] = (
        PickerFailure.FAIL_CLOSE
    )


class InferencePools(SpecModel):
    """InferencePools of the Gateway API Inference Extension as backends of the route."""

    RULES = (
        Rule(
            "self.extent != 'Shared' || !self.endpointPickerRef.name.contains('{pool}')",
            "must not hold {pool} with extent Shared: the one InferencePool is of no single pool",
            lambda p: p.extent != PoolExtent.SHARED or PICKER_POOL not in p.endpoint_picker_ref.name,
            field="endpointPickerRef.name",
        ),
    )

    extent: Annotated[PoolExtent, says("Which pods an InferencePool selects.", example="Shared")] = PoolExtent.PER_POOL
    endpoint_picker_ref: Annotated[EndpointPickerRef, says("The endpoint picker, which chooses the pod of each request.")]


class ParentRef(SpecModel):
    "A Gateway, as an HTTPRoute names it."

    name: Annotated[ObjectName, says("The name of a Gateway.", example="models")]
    namespace: Annotated[
        NamespaceName | None,
        says(
            "Its namespace; left out, the workload's own. The Gateway says itself which namespaces it takes routes of, so that no other permission "
            "is needed.",
            example="gateways",
        ),
    ] = None
    section_name: Annotated[
        ObjectName | None, says("The listener of that name alone; left out, all that take the route.", example="https")
    ] = None
    port: Annotated[
        Annotated[int, says("", low=1, high=65_535)] | None,
        says("The listeners of that port alone; left out, all that take the route.", unit="port number", example=443),
    ] = None


class Traffic(SpecModel):
    """By what gateways clients come, and requests as they send them. With gateways Steelyard owns one HTTPRoute of the workload's name, with a weight for
    each placement."""

    RULES = (
        Rule(
            "(has(self.parentRefs) && self.parentRefs.size() > 0) || "
            "((!has(self.hostnames) || self.hostnames.size() == 0) && (!has(self.path) || self.path == '/') && !has(self.inferencePools))",
            "must be given with hostnames, path and inferencePools: without a Gateway there is no route, and clients come by the workload's Service",
            lambda t: bool(t.parent_refs) or not (t.hostnames or t.path != "/" or t.inference_pools),
            field="parentRefs",
            reason="FieldValueRequired",
        ),
    )

    parent_refs: Annotated[
        tuple[ParentRef, ...],
        says(
            "The Gateways that the route is attached to. Their requests are spread by what was measured: every replica is loaded "
            "alike relative to what it carries. A Gateway that does not accept the route holds all moves (condition Held). The "
            "workload's Service stays, and spreads evenly: clients should use one of the two. Without any there is no route.",
            most=8,
            list_type="atomic",
            example=[{"name": "models", "namespace": "gateways"}],
        ),
    ] = ()
    hostnames: Annotated[
        tuple[Annotated[Hostname, says("A host name, without a port; its first part may be *.", example="models.example.com")], ...],
        says(
            "The host names that requests are for; left out, those of the Gateways' listeners.",
            most=16,
            list_type="set",
            example=["models.example.com"],
        ),
    ] = ()
    path: Annotated[
        PathPrefix,
        says(
            "The beginning of the paths of its requests, by whole parts. It is not taken off: the server sees it, unless a filter of the Gateway's "
            "own rewrites it.",
            example="/v1",
        ),
    ] = "/"
    inference_pools: Annotated[
        InferencePools | None,
        says(
            "InferencePools as backends of the route, whose endpoint pickers choose the pod of each request; left out, Services "
            "are. Requests are sent to them once each Gateway has accepted all that should get some; until then by Services, and "
            "all moves are held. While this is given, server.custom.port must stay."
        ),
    ] = None
    samples: Annotated[
        Samples | None,
        says(
            "Requests as your clients send them, for a custom server: with them a replica that serves nobody can be probed before "
            "users come to another pool, and synthetic trials and exit drills can be made."
        ),
    ] = None

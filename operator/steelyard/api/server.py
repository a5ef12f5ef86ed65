"""The program that answers requests: Steelyard's own server, vLLM, any image that counts its requests, or what runs already."""

import re
from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.existing import ExistingServer
from steelyard.api.metrics_page import HttpPath, ServerPage
from steelyard.api.model import SpecModel
from steelyard.api.placement import ReplicaResources
from steelyard.api.quantity import MemoryQuantity
from steelyard.api.rule import Pattern, Rule
from steelyard.api.text import DataKey, FamilyName, ObjectName
from steelyard.api.vllm_argument import VllmArgument
from steelyard.api.word import Word

PinnedImage = Annotated[
    str,
    Field(max_length=512),
    Pattern(
        "^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$",
        "must be an image pinned by digest, NAME@sha256:DIGEST: a tag can change what is measured without a new revision",
    ),
]


EXAMPLE_IMAGE = "example.com/team/ranker@sha256:9f86 and so on"
LEAST_PORT = 1024
"""Those below need a right that the pods do not have."""
TAKEN = "^/(tmp$|(dev|proc|sys)(/|$))"
"""Folders of every pod that no model is put over."""
FOLDER = Pattern(
    "^/[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$",
    'must be a folder from the root, such as "/models/chat", of letters, digits and . _ - only',
)
Command = tuple[Annotated[str, says("One word of the command, passed without a shell.", example="serve", least=1, most=1024)], ...]
Arguments = tuple[Annotated[str, says("One argument, passed without a shell.", example="--workers=2", most=4096)], ...]


class SteelyardServer(SpecModel):
    """Steelyard's own server. It takes everything it needs from the model, the compile options and the objective."""


class Switch(Word):
    """On or off, with room for a third value."""

    ENABLED = "Enabled", "switched on"
    DISABLED = "Disabled", "switched off"


class VllmServer(SpecModel):
    """vLLM with typed fields for what matters to cost, and an allow-list for the rest."""

    max_model_length: Annotated[
        Annotated[int, says("", low=16, high=10_000_000)] | None,
        says(
            "The longest prompt and answer together that one request may have, which bounds its cache. Left out, it is the length "
            "from the model's own configuration, which often does not fit a small device.",
            unit="tokens",
            example=8192,
        ),
    ] = None
    max_sequences: Annotated[
        Annotated[int, says("", low=1, high=8192)] | None,
        says(
            "How many requests one replica decodes together at most. More raise the throughput and lengthen each token's latency; "
            "left out, it is vLLM's own choice.",
            unit="requests",
            example=64,
        ),
    ] = None
    max_batched_tokens: Annotated[
        Annotated[int, says("", low=16, high=1_048_576)] | None,
        says(
            "How many tokens one step of the engine may process. Smaller steps keep the time between tokens even beside long "
            "prompts; left out, it is vLLM's own choice.",
            unit="tokens",
            example=8192,
        ),
    ] = None
    memory_percent: Annotated[
        int,
        says(
            "How much of the device's memory vLLM may take for weights and cache. The rest is the driver's and activations'; 90 is "
            "vLLM's own default.",
            unit="percent",
            example=85,
            low=10,
            high=98,
        ),
    ] = 90
    prefix_caching: Annotated[
        Switch,
        says(
            "Whether requests that begin with the same text share its cached part. It saves the prefill of repeated system prompts "
            "and costs nearly nothing where there are none.",
            brief=True,
            example="Disabled",
        ),
    ] = Switch.ENABLED
    arguments: Annotated[
        tuple[VllmArgument, ...],
        says(
            "Further arguments of vLLM from an allow-list, each at most once. They become part of the revision, so a change is a measured "
            "move and not a blind rollout.",
            most=17,
            keys=("name",),
        ),
    ] = ()


class SecretKey(SpecModel):
    """One key of a Secret in the same namespace."""

    name: Annotated[ObjectName, says("The name of the Secret in the workload's own namespace; others cannot be named.", example="api-keys")]
    key: Annotated[
        DataKey,
        says("The key inside the Secret whose value becomes the environment variable of the container.", example="token"),
    ]


class EnvironmentVariable(SpecModel):
    """One environment variable of the container."""

    RULES = (
        Rule(
            "has(self.value) != has(self.secret)",
            "must give exactly one of value and secret",
            lambda e: (e.value is None) != (e.secret is None),
            field="value",
        ),
        Rule(
            "!self.name.startsWith('STEELYARD_')",
            "must not begin with STEELYARD_: by such variables the runtime is told what it serves",
            lambda e: not e.name.startswith("STEELYARD_"),
            field="name",
            reason="FieldValueForbidden",
        ),
    )

    name: Annotated[
        Annotated[
            str,
            Field(max_length=128),
            Pattern(
                "^[A-Za-z_][A-Za-z0-9_]*$", 'must be the name of an environment variable: letters, digits and "_", such as "LOG_LEVEL"'
            ),
        ],
        says("The name of the variable as the program reads it. Each name may be given once.", example="LOG_LEVEL"),
    ]
    value: Annotated[
        Annotated[str, Field(max_length=4096)] | None,
        says("The value as plain text. It is part of the revision, so changing it is a move that is measured.", example="info"),
    ] = None
    secret: Annotated[
        SecretKey | None,
        says("Where to take the value from when it must not be readable here: one key of a Secret of the same namespace."),
    ] = None


class Probes(SpecModel):
    """How the container tells that it is alive and ready."""

    live_path: Annotated[
        HttpPath,
        says(
            "The path that answers 200 while the process works. Three failures in a row restart the container, so it must not depend on load.",
            example="/healthz",
        ),
    ] = "/v2/health/live"
    ready_path: Annotated[
        HttpPath,
        says(
            "The path that answers 200 once requests can be served well. Traffic arrives only then, and it stops when the answer changes.",
            example="/readyz",
        ),
    ] = "/v2/health/ready"
    startup_seconds: Annotated[
        int,
        says(
            "How long the container may take from its start until it is ready, loading the model included, before it is restarted.",
            unit="seconds",
            example=1200,
            low=5,
            high=86_400,
        ),
    ] = 600


class Drain(SpecModel):
    """How a replica is taken out: first no new requests, then the end of those that it has."""

    delay_seconds: Annotated[
        int,
        says(
            "How long a replica that ends goes on serving before it is told (SIGTERM): until then every node has to take it out of the Service.",
            unit="seconds",
            example=10,
            low=0,
            high=600,
        ),
    ] = 5
    timeout_seconds: Annotated[
        int,
        says(
            "How long it then has to finish its requests before it is killed. As long as the longest answer takes.",
            unit="seconds",
            example=120,
            low=1,
            high=3600,
        ),
    ] = 30


class Variant(SpecModel):
    """What differs where the program runs on accelerators of one family."""

    family: Annotated[
        FamilyName,
        says("The family, as spec.accelerator.family of the pools: cpu, nvidia, neuron-inf2 and so on.", example="neuron-inf2"),
    ]
    image: Annotated[
        PinnedImage | None,
        says("The image for this family, pinned by digest. Left out, it is the general one.", example=EXAMPLE_IMAGE),
    ] = None
    command: Annotated[Command, says("The program to start there; empty: the general command.", most=64, list_type="atomic")] = ()
    args: Annotated[Arguments, says("The arguments there, all of them; empty: the general ones.", most=128, list_type="atomic")] = ()
    env: Annotated[
        tuple[EnvironmentVariable, ...],
        says("Variables there, beside the general ones and in place of those with the same names.", most=64, keys=("name",)),
    ] = ()
    resources: Annotated[
        ReplicaResources | None,
        says(
            "What one replica gets on pools of this family. What spec.placement.pools says of a pool comes before it; without both it is the part "
            "of a node that belongs to its devices."
        ),
    ] = None


class LatencyFrom(Word):
    """Who says how long requests took, and how they ended."""

    SERVER = "Server", "the server's own page of metrics"
    GATEWAY = "Gateway", "the gateways that spec.traffic names, by Envoy's histogram of each backend"


class CustomServer(SpecModel):
    """Any image that serves HTTP and counts its requests. No pod specification can be given: the operator writes it."""

    RULES = (
        Rule(
            "has(self.image) == (has(self.families) && self.families.size() > 0)",
            "must give families with image, and none without: those that the image runs on, such as [cpu, nvidia]",
            lambda c: (c.image is not None) == bool(c.families),
            field="families",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.image) || (has(self.variants) && self.variants.size() > 0 && self.variants.all(v, has(v.image)))",
            "must give image, or an image in each of variants",
            lambda c: c.image is not None or (bool(c.variants) and all(v.image is not None for v in c.variants)),
            field="image",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.metrics.port)",
            "must give metrics.port, the port of the metrics page: it is opened for the operator",
            lambda c: c.metrics.port is not None,
            field="metrics.port",
            reason="FieldValueRequired",
        ),
        Rule(
            f"!has(self.metrics.port) || self.metrics.port >= {LEAST_PORT}",
            f"must give metrics.port from {LEAST_PORT} on: the pods run without the right to open others",
            lambda c: c.metrics.port is None or c.metrics.port >= LEAST_PORT,
            field="metrics.port",
        ),
        Rule(
            f"!self.modelPath.matches('{TAKEN}')",
            "must give a modelPath that is not /tmp, and neither /dev, /proc nor /sys nor a folder in them: those are the pod's own",
            lambda c: re.search(TAKEN, c.model_path) is None,
            field="modelPath",
        ),
    )

    image: Annotated[
        PinnedImage | None,
        says(
            "The container image, pinned by digest, because measurements belong to one program. Left out, each family has one in variants.",
            example=EXAMPLE_IMAGE,
        ),
    ] = None
    families: Annotated[
        tuple[Annotated[FamilyName, says("The name of one family.", example="nvidia")], ...],
        says(
            "The accelerator families that this image runs on. Pools of others take no part, unless a variant is for them.",
            example=["nvidia"],
            most=16,
            list_type="set",
        ),
    ] = ()
    variants: Annotated[
        tuple[Variant, ...],
        says("What is different on a family of accelerators: another image, other arguments, more memory.", most=16, keys=("family",)),
    ] = ()
    command: Annotated[
        Command,
        says(
            "The program to start in place of the image's own entry point, word by word and without a shell.", most=64, list_type="atomic"
        ),
    ] = ()
    args: Annotated[
        Arguments,
        says(
            "The arguments of the program, word by word and without a shell. They are part of the revision.", most=128, list_type="atomic"
        ),
    ] = ()
    env: Annotated[
        tuple[EnvironmentVariable, ...],
        says("The environment variables of the container, each name once, as plain values or from Secrets.", most=64, keys=("name",)),
    ] = ()
    port: Annotated[
        int,
        says(
            "The port on which the container serves requests and probes by HTTP, from 1024 on: the pods run without the right to "
            "open others. Where metrics are, metrics.port says.",
            unit="port number",
            example=9000,
            low=LEAST_PORT,
            high=65_535,
        ),
    ] = 8080
    model_path: Annotated[
        Annotated[str, Field(max_length=256), FOLDER],
        says(
            "Where the container finds the files of spec.model, read only: they are downloaded and held against their digest before"
            " it starts. Without a model there is no such folder.",
            example="/models/chat",
        ),
    ] = "/model"
    disk: Annotated[
        MemoryQuantity,
        says(
            "How much of its node's disk a replica may use, for /tmp, its logs and the model. A pod that takes more is evicted.",
            example="60Gi",
        ),
    ] = "20Gi"
    probes: Annotated[
        Probes,
        says("Where the container tells that it is alive and ready. The defaults are the paths of the Open Inference Protocol v2."),
    ] = Probes()
    drain: Annotated[Drain, says("How a replica ends. A change is taken up by the next placement that is made anyway.")] = Drain()
    metrics: Annotated[
        ServerPage,
        says(
            "Where the container says what it did: by a profile, or by the names of its metrics. Without that no request can be "
            "called good. Another port makes a new revision; other names do not."
        ),
    ]
    latency_from: Annotated[
        LatencyFrom,
        says(
            "Who says how long requests took and how they ended: the server's page, or the gateways of spec.traffic, for servers "
            "that tell a mean alone, such as Triton. A gateway includes the wait there, and its own errors. It is read from the "
            "Prometheus in the operator's config.observe.gateway.",
            example="Gateway",
        ),
    ] = LatencyFrom.SERVER


class Server(SpecModel):
    """Exactly one kind of server."""

    RULES = (
        Rule(
            "[has(self.steelyard), has(self.vllm), has(self.custom), has(self.existing)].filter(given, given).size() == 1",
            "must give exactly one of steelyard, vllm, custom and existing; leave server out for steelyard",
            lambda s: [s.steelyard, s.vllm, s.custom, s.existing].count(None) == 3,
        ),
    )

    steelyard: Annotated[
        SteelyardServer | None,
        says(
            "Steelyard's own server, for text encoders (embeddings, classification, ranking), classifiers of images, and any ONNX "
            "graph. It speaks the Open Inference Protocol v2 and the usual form of each task, batches into the compiled shapes, and"
            " counts good requests itself. It needs no settings; write {}."
        ),
    ] = None
    vllm: Annotated[
        VllmServer | None,
        says(
            "vLLM, for models that generate text, and for large ones that give vectors, labels or scores, in the image for the "
            "accelerator, with the cached artifact where there is one. model.task says which."
        ),
    ] = None
    custom: Annotated[
        CustomServer | None,
        says(
            "Any other image that serves HTTP and counts its requests: one, or one for each family of accelerators. Nothing is "
            "compiled, and it needs neither store nor toolchain."
        ),
    ] = None
    existing: Annotated[
        ExistingServer | None,
        says(
            "A server of your own that runs already. Nothing of it is changed: what its good requests cost is told, claims are "
            "judged, and what would be cheaper is said. It needs no model, store or toolchain."
        ),
    ] = None

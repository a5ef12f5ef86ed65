"""The program that answers requests: Steelyard's own server, vLLM, any image that counts its requests, or what runs already."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.existing import ExistingServer
from steelyard.api.metrics_page import HttpPath, LabelName, MetricName
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule
from steelyard.api.text import ObjectName
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
            "The longest prompt and answer together that one request may have. It bounds the memory of the cache for one request; left "
            "out, it is the length from the model's own configuration, which often does not fit a small device.",
            unit="tokens",
            example=8192,
        ),
    ] = None
    max_sequences: Annotated[
        Annotated[int, says("", low=1, high=8192)] | None,
        says(
            "How many requests one replica decodes together at most. More raise the throughput and lengthen each token's latency; left "
            "out, it is vLLM's own choice for the device.",
            unit="requests",
            example=64,
        ),
    ] = None
    max_batched_tokens: Annotated[
        Annotated[int, says("", low=16, high=1_048_576)] | None,
        says(
            "How many tokens one step of the engine may process. Smaller steps keep the time between tokens even while long prompts "
            "arrive; left out, it is vLLM's own choice.",
            unit="tokens",
            example=8192,
        ),
    ] = None
    memory_percent: Annotated[
        int,
        says(
            "How much of the device's memory vLLM may take for weights and cache. The rest is left to the driver and to activations, "
            "which is why 100 is not possible; 90 is vLLM's own default.",
            unit="percent",
            example=85,
            low=10,
            high=98,
        ),
    ] = 90
    prefix_caching: Annotated[
        Switch,
        says(
            "Whether requests that begin with the same text share its cached part. It saves the prefill of repeated system prompts and "
            "costs nearly nothing where there are none, so it is on unless switched off.",
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
        Annotated[
            str,
            Field(max_length=253),
            Pattern("^[A-Za-z0-9._-]+$", "must be a key of the Secret: letters, digits and . _ - only"),
        ],
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


class ServerMetrics(SpecModel):
    """The two metrics by which a custom server is judged."""

    request_counter: Annotated[
        MetricName,
        says(
            "The counter of finished requests. Its growth, summed over all labels, is the number of requests; a custom server is judged "
            "by this and by its latency histogram alone.",
            example="http_requests_total",
        ),
    ]
    latency_histogram: Annotated[
        MetricName,
        says(
            "The histogram of request durations in seconds, without the suffix _bucket. Give it a bucket edge at each objective: without "
            "one the share of good requests is only known as an interval, and its lower end is used.",
            example="http_request_duration_seconds",
        ),
    ]
    status_label: Annotated[
        LabelName | None,
        says(
            "The label of the request counter that holds the HTTP status. Requests with a status of 400 or more are then errors and not "
            "good; left out, every finished request counts as answered without an error.",
            example="code",
        ),
    ] = None
    path: Annotated[
        HttpPath,
        says("Where the container serves its metrics in the Prometheus text format, on the same port as its requests.", example="/metrics"),
    ] = "/metrics"


class CustomServer(SpecModel):
    """Any image that serves HTTP and counts its requests. No pod specification can be given: the operator writes it."""

    image: Annotated[
        PinnedImage,
        says(
            "The container image, pinned by digest, because measurements belong to exactly one program.",
            example="example.com/team/ranker@sha256:9f86 and so on",
        ),
    ]
    command: Annotated[
        tuple[Annotated[str, says("One word of the command, passed without a shell.", example="serve", least=1, most=1024)], ...],
        says(
            "The program to start in place of the image's own entry point, word by word and without a shell.", most=64, list_type="atomic"
        ),
    ] = ()
    args: Annotated[
        tuple[Annotated[str, says("One argument, passed without a shell.", example="--workers=2", most=4096)], ...],
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
            "The port on which the container serves requests, probes and metrics by HTTP. Ports below 1024 are refused, because the pods "
            "run without the right to open them.",
            unit="port number",
            example=9000,
            low=1024,
            high=65_535,
        ),
    ] = 8080
    probes: Annotated[
        Probes,
        says("Where the container tells that it is alive and ready. The defaults are the paths of the Open Inference Protocol v2."),
    ] = Probes()
    metrics: Annotated[
        ServerMetrics,
        says("The metrics by which the server is judged. Without them no request can be called good, so they are required."),
    ]


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
            "Steelyard's own server, for text encoders (embeddings, classification of texts and of tokens, ranking), classifiers of images, and any "
            "ONNX graph. It speaks the Open Inference Protocol v2 and the usual form of each task, and batches into the compiled shapes. It needs no settings; write {}. It counts good "
            "requests itself."
        ),
    ] = None
    vllm: Annotated[
        VllmServer | None,
        says("vLLM, for models that generate text, in the image that fits the accelerator, with the cached artifact where there is one."),
    ] = None
    custom: Annotated[
        CustomServer | None,
        says("Any other image that serves HTTP. Not served by this version: the workload is held with NoPool and a message that says so."),
    ] = None
    existing: Annotated[
        ExistingServer | None,
        says(
            "A server of your own that runs already. Nothing of it is changed: it is read, what its good requests cost is told, claims are judged, "
            "and what would be cheaper is said. It needs no model, no artifact store and no toolchain."
        ),
    ] = None

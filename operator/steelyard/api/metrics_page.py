"""Where a server of somebody else's says what it did, and by which names: a profile of a known server, or the names themselves."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.objective import LatencyMetric
from steelyard.api.rule import Pattern, Rule
from steelyard.api.word import Word

MetricName = Annotated[
    str,
    Field(max_length=128),
    Pattern("^[a-zA-Z_:][a-zA-Z0-9_:]*$", 'must be a Prometheus metric without labels, such as "http_requests_total"'),
]

LabelName = Annotated[
    str,
    Field(max_length=64),
    Pattern("^[a-zA-Z_][a-zA-Z0-9_]*$", 'must be the name of a Prometheus label, such as "code"'),
]

HttpPath = Annotated[
    str,
    Field(max_length=256),
    Pattern("^/[A-Za-z0-9._~/-]*$", 'must be a path that starts with "/", without host, query or fragment, such as "/v2/health/live"'),
]


class Profile(Word):
    """A server whose metrics are known."""

    VLLM = "vllm", "vLLM"
    SGLANG = "sglang", "SGLang"
    TRTLLM = "trtllm", "TensorRT-LLM"
    TGI = "tgi", "Text Generation Inference"
    TEI = "tei", "Text Embeddings Inference"
    OVMS = "ovms", "OpenVINO Model Server"
    MLSERVER = "mlserver", "by its REST requests"
    TRITON = "triton", "Triton"
    TORCHSERVE = "torchserve", "TorchServe"
    KSERVE = "kserve", "its Python server"
    RAYSERVE = "rayserve", "by its HTTP proxy"
    BENTOML = "bentoml", "BentoML"
    INFINITY = "infinity", "Infinity"


TOLD: Mapping[LatencyMetric, tuple[Profile, ...]] = MappingProxyType(
    {
        LatencyMetric.E2E: tuple(Profile),
        LatencyMetric.TTFT: (Profile.VLLM, Profile.SGLANG, Profile.TRTLLM, Profile.TRITON),
        LatencyMetric.ITL: (Profile.VLLM, Profile.TRTLLM),
    }
)
"""Times of a request, and the profiles of servers that tell it: by a histogram, or by a mean or a part alone, of which an objective is
`LatencyUnobservable` until something else tells it."""


class TimeUnit(Word):
    """What a histogram of times counts in."""

    SECONDS = "Seconds", "as Prometheus recommends"
    MILLISECONDS = "Milliseconds", "thousandths of a second"
    MICROSECONDS = "Microseconds", "millionths of a second"


class LabelMatch(SpecModel):
    """One label, and its values."""

    name: Annotated[LabelName, says("The name of the label.", example="handler")]
    values: Annotated[
        tuple[Annotated[str, says("One value, as it is.", example="/predict", most=128)], ...],
        says('Any of these; "" is a series without it.', least=1, most=8, list_type="set"),
    ]


_Labels = tuple[LabelMatch, ...]


class MetricNames(SpecModel):
    """The metrics of a server that no profile is of."""

    RULES = (
        Rule(
            "has(self.errorCounter) || !has(self.errorLabels) || self.errorLabels.size() == 0",
            "must give errorCounter with errorLabels",
            lambda n: n.error_counter is not None or not n.error_labels,
            field="errorCounter",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.refusedCounter) || !has(self.refusedLabels) || self.refusedLabels.size() == 0",
            "must give refusedCounter with refusedLabels",
            lambda n: n.refused_counter is not None or not n.refused_labels,
            field="refusedCounter",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.promptTokenCounter) == has(self.outputTokenCounter)",
            "must give promptTokenCounter and outputTokenCounter together: what a request is worth follows from both",
            lambda n: (n.prompt_token_counter is None) == (n.output_token_counter is None),
            field="outputTokenCounter",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.promptTokenCounter) || !has(self.cachedTokenCounter)",
            "must give promptTokenCounter with cachedTokenCounter: cached tokens are a part of those of prompts",
            lambda n: n.prompt_token_counter is not None or n.cached_token_counter is None,
            field="promptTokenCounter",
            reason="FieldValueRequired",
        ),
    )

    request_counter: Annotated[
        MetricName,
        says("The counter of finished requests, summed over all series that are meant.", example="http_requests_total"),
    ]
    labels: Annotated[
        _Labels,
        says(
            "Which series of every metric named here are meant: those whose labels have these values. Left out, all of them.",
            example=[{"name": "handler", "values": ["/predict"]}],
            most=8,
            keys=("name",),
        ),
    ] = ()
    request_labels: Annotated[
        _Labels, says("The same of the request counter alone, such as an outcome that is no error.", most=8, keys=("name",))
    ] = ()
    status_label: Annotated[
        LabelName | None,
        says(
            "The request counter's label that holds the HTTP status: 429 is a refused request, others of 400 and more are errors. "
            "Left out, all that it counts are answered.",
            example="code",
        ),
    ] = None
    error_counter: Annotated[
        MetricName | None,
        says(
            "A counter of failed requests that the request counter, with its labels, leaves out. It may be the same metric with "
            "other labels.",
            example="http_request_failures_total",
        ),
    ] = None
    error_labels: Annotated[_Labels, says("Which of its series are errors.", most=8, keys=("name",))] = ()
    refused_counter: Annotated[
        MetricName | None,
        says("The same of requests that were turned away, such as by a full queue.", example="http_requests_rejected_total"),
    ] = None
    refused_labels: Annotated[_Labels, says("Which of its series are refusals.", most=8, keys=("name",))] = ()
    latency_histogram: Annotated[
        MetricName | None,
        says(
            "The histogram of the times of whole requests, without the suffix _bucket, needed where e2e is promised. Without an "
            "edge at the promised time good requests are an interval, whose lower end counts, and the unit cost is one as wide.",
            example="http_request_duration_seconds",
        ),
    ] = None
    first_token_histogram: Annotated[
        MetricName | None,
        says("The same of times to the first token, for ttft.", example="time_to_first_token_seconds"),
    ] = None
    token_gap_histogram: Annotated[
        MetricName | None,
        says("The same of each request's mean time between tokens, for itl.", example="time_per_output_token_seconds"),
    ] = None
    histogram_labels: Annotated[_Labels, says("Which series of these histograms are meant, beside labels.", most=8, keys=("name",))] = ()
    unit: Annotated[TimeUnit, says("What the edges of these histograms count in.", brief=True, example="Milliseconds")] = TimeUnit.SECONDS
    prompt_token_counter: Annotated[
        MetricName | None,
        says(
            "The counter of the tokens of all prompts. With it what a request is worth follows its length.",
            example="prompt_tokens_total",
        ),
    ] = None
    cached_token_counter: Annotated[
        MetricName | None,
        says("The counter of those of them that were found in a cache, and not computed.", example="cached_prompt_tokens_total"),
    ] = None
    output_token_counter: Annotated[
        MetricName | None,
        says("The counter of the tokens of all answers.", example="generated_tokens_total"),
    ] = None


class ServerPage(SpecModel):
    """The page of metrics of every replica."""

    RULES = (
        Rule(
            "has(self.profile) != has(self.names)",
            'must give exactly one of profile, such as "vllm", and names',
            lambda m: (m.profile is None) != (m.names is None),
        ),
        Rule(
            "!has(self.names) || has(self.port)",
            "must give port with names: only a profile knows one",
            lambda m: m.names is None or m.port is not None,
            field="port",
            reason="FieldValueRequired",
        ),
    )

    profile: Annotated[Profile | None, says("The server, where its metrics are known.", example="vllm")] = None
    names: Annotated[MetricNames | None, says("The metrics of any other server, by their names.")] = None
    port: Annotated[
        Annotated[int, says("", low=1, high=65_535)] | None,
        says(
            "Its port. Left out, it is the usual one of the profile's server.",
            unit="port number",
            example=8000,
        ),
    ] = None
    path: Annotated[
        HttpPath | None,
        says(
            "Its path, in the Prometheus text format. Left out, /prometheus/metrics of trtllm, /metrics of others.",
            example="/metrics",
        ),
    ] = None

    def tells(self, metrics: Iterable[LatencyMetric]) -> bool:
        """Whether the server tells of all these times: by the names that are given, or by its profile."""
        if self.names is None:
            return all(self.profile is None or self.profile in TOLD[metric] for metric in metrics)
        told = {"e2e": self.names.latency_histogram, "ttft": self.names.first_token_histogram, "itl": self.names.token_gap_histogram}
        return all(told[metric] is not None for metric in metrics)

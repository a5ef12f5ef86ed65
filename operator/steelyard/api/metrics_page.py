"""Where a server of somebody else's says what it did, and by which names: a profile of a known server, or the names themselves."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule
from steelyard.api.word import Word

MetricName = Annotated[
    str,
    Field(max_length=128),
    Pattern("^[a-zA-Z_:][a-zA-Z0-9_:]*$", 'must be the name of one Prometheus metric without labels, such as "http_requests_total"'),
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

    VLLM = "vllm", "vLLM's own server of the OpenAI protocol"
    MLSERVER = "mlserver", "MLServer, by its REST requests for inference"


class TimeUnit(Word):
    """What a histogram of times counts in."""

    SECONDS = "Seconds", "as Prometheus recommends"
    MILLISECONDS = "Milliseconds", "thousandths of a second"
    MICROSECONDS = "Microseconds", "millionths of a second"


class MetricNames(SpecModel):
    """The metrics of a server that no profile is of."""

    request_counter: Annotated[
        MetricName,
        says(
            "The counter of finished requests. Its growth, summed over all labels, is the number of requests.",
            example="http_requests_total",
        ),
    ]
    status_label: Annotated[
        LabelName | None,
        says(
            "The label of the request counter that holds the HTTP status. 429 is a refused request, other statuses of 400 and more are errors; left "
            "out, every finished request counts as answered without an error, but for those of errorCounter.",
            example="code",
        ),
    ] = None
    error_counter: Annotated[
        MetricName | None,
        says(
            "A counter of failed requests that the request counter does not count, summed over all labels. Left out, only statusLabel tells of errors.",
            example="http_request_failures_total",
        ),
    ] = None
    latency_histogram: Annotated[
        MetricName | None,
        says(
            "The histogram of the times of whole requests, without the suffix _bucket, needed where e2e is promised. Without a bucket edge at the "
            "promised time the number of good requests is known as an interval: its lower end counts, and the unit cost's interval is as wide.",
            example="http_request_duration_seconds",
        ),
    ] = None
    first_token_histogram: Annotated[
        MetricName | None,
        says("The same of times to the first token, needed where ttft is promised.", example="time_to_first_token_seconds"),
    ] = None
    token_gap_histogram: Annotated[
        MetricName | None,
        says("The same of each request's mean time between tokens, needed where itl is promised.", example="time_per_output_token_seconds"),
    ] = None
    unit: Annotated[TimeUnit, says("What the edges of these histograms count in.", example="Milliseconds")] = TimeUnit.SECONDS


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

    profile: Annotated[Profile | None, says("The server that answers, where it is one whose metrics are known.", example="vllm")] = None
    names: Annotated[MetricNames | None, says("The metrics of any other server, by their names.")] = None
    port: Annotated[
        Annotated[int, says("", low=1, high=65_535)] | None,
        says("The port of the page. Left out, it is the profile's: 8000 of vllm, 8082 of mlserver.", unit="port number", example=8000),
    ] = None
    path: Annotated[HttpPath, says("The path of the page, in the Prometheus text format.", example="/metrics")] = "/metrics"

    def tells(self, metrics: Iterable[str]) -> bool:
        """Whether names are given of histograms of all these times (`LatencyMetric`); always so with a profile."""
        if self.names is None:
            return True
        told = {"e2e": self.names.latency_histogram, "ttft": self.names.first_token_histogram, "itl": self.names.token_gap_histogram}
        return all(told[metric] is not None for metric in metrics)

"""What vLLM is asked to do with a model: to generate text, or to pool it into a vector, labels or a score. The paths of each, by vLLM 0.32."""

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard_runtime.failure import Reason, user_failure

TEXT = "text-generation"


@dataclass(frozen=True, slots=True)
class Task:
    """One of them. `convert`: vLLM's own word for how a model is taken; empty for one that generates."""

    says: str
    """What it gives, after "gives" and before "at" its paths."""
    judged: tuple[str, ...]
    """Paths whose every request is judged. Whatever else asks the model is not there: nobody would bound, judge or wait for it."""
    convert: str = ""
    architectures: str = ""
    """How the name of the model's architecture has to end."""

    @property
    def pools(self) -> bool:
        """Whether it gives all of its answer at once, after one pass."""
        return bool(self.convert)


SCORING = ("/score", "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank")
GENERATE = Task("text", ("/v1/completions", "/v1/chat/completions"))
EMBED = Task("vectors, and scores by them,", ("/v1/embeddings", "/pooling", *SCORING), "embed")
LABELS = ("/classify", "/v1/classify")
CLASSIFY = Task("labels", (*LABELS, "/pooling"), "classify", "ForSequenceClassification")
RANK = Task("scores of pairs of texts", (*SCORING, *LABELS, "/pooling"), "classify", "ForSequenceClassification")
TASKS: Mapping[str, Task] = {
    TEXT: GENERATE,
    "embeddings": EMBED,
    "feature-extraction": EMBED,
    "sentence-similarity": EMBED,
    "text-classification": CLASSIFY,
    "text-ranking": RANK,
}
"""By the words of specifications and manifests."""
OURS: Mapping[str, str] = {"/v1/classify": "/classify"}
"""Where Steelyard's own server has a path, and so its load generator asks, and vLLM has the same under another name."""
UNJUDGED: Mapping[str, str] = {
    "/v1/responses": "it may answer before it has generated anything (background), and calls tools by itself: no time of it is the model's alone",
    "/v1/messages": "its streams have events of another form, whose tokens are not told apart here",
    "/v1/chat/completions/batch": "it answers many conversations as one request",
    "/v2/embed": "its answers are of another form, which nobody asks a probe with",
    "/generative_scoring": "it generates one token for each item and counts as one request",
    "/inference/v1/generate": "it takes and gives tokens in a form of vLLM's own",
    "/invocations": "its body says which of the other paths is meant: ask that one",
}
"""Why paths of vLLM's that ask the model are not served, where there is more to say than that they are not judged."""


def task_of(word: str) -> Task:
    """Return the task; raises `Failure` (UnsupportedOption) for a word that vLLM is not used for here."""
    found = TASKS.get(word)
    if found is None:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION, f"vLLM is not used for {word!r} here: spec.model.task must be one of {', '.join(sorted(TASKS))}"
        )
    return found

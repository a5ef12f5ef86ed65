"""One step of a compile in its container, and its result as a termination message: of a failure by any step, of success by the last."""

import errno
import logging
import signal
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from steelyard_runtime.artifacts.manifest import Cosine, Logprob, Manifest, Measured
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.artifacts.signature import Signer, Trust, own_trust, signer_from_environment, trust_from_environment
from steelyard_runtime.compile.memory import out_of_memory
from steelyard_runtime.compile.progress import Progress, ProgressServer
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.steps import deliver_step, fetch_step, make_step
from steelyard_runtime.compile.workplace import Workplace
from steelyard_runtime.failure import Failure, FailureClass, Reason, infrastructure_failure
from steelyard_runtime.logs import LogTail
from steelyard_runtime.termination import write_termination_message

LOG = logging.getLogger("steelyard.compile")
WORK = "STEELYARD_WORK"
"""The folder that has the workplace's two in it."""


def run_step(step: str, environment: Mapping[str, str], host: str, port: int) -> int:
    """Run a step of the job that the environment describes, tell its result, and return the exit code: 0 or 1."""
    tail = LogTail()
    logging.getLogger().addHandler(tail)
    progress = Progress(tail)
    server = ProgressServer(progress, port, host)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        server.start()
        result = _done(step, environment, progress)
    except Exception as error:  # every end of a job is a result
        failure = _as_failure(error)
        LOG.error("%s: %s", failure.reason, failure.message, exc_info=None if isinstance(error, Failure) else error)
        result = {
            "result": "Failed",
            "class": str(failure.kind),
            "reason": str(failure.reason),
            "message": failure.message,
            "logTail": tail.text(),
        }
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if result is not None:
        write_termination_message(result, environment)
    server.stop()
    return 1 if result is not None and result["result"] == "Failed" else 0


def compile_model(
    spec: CompileSpec, progress: Progress, folder: Path, signer: Signer | None = None, trust: Trust | None = None
) -> tuple[Published, bool]:
    """Run all steps in this process, for comparisons and tests. Returns the artifact, and whether it was in the store already.

    `folder` is scratch space. With a signer or a trust what the store has is taken only if it is signed by a key that either names.
    """
    place = _workplace(folder)
    for each in (place.fetched, place.made):
        each.mkdir(parents=True)
    fetch_step(spec, progress, place, own_trust(signer, trust))
    make_step(spec, progress, place)
    return deliver_step(spec, progress, place, signer, trust, folder)


def _done(step: str, environment: Mapping[str, str], progress: Progress) -> dict[str, object] | None:
    """The result of the last step; the others hand on what they did."""
    spec = compile_spec(environment)
    place = _workplace(Path(environment.get(WORK, "/work")))
    trust = trust_from_environment(environment)
    if step == "fetch":
        fetch_step(spec, progress, place, trust)
        return None
    progress.started_at = place.noted().started_at
    if step == "compile":
        make_step(spec, progress, place)
        return None
    with tempfile.TemporaryDirectory(prefix="publish-") as scratch:
        published, cached = deliver_step(spec, progress, place, signer_from_environment(environment), trust, Path(scratch))
    seconds = max(0.0, (datetime.now(UTC) - progress.started_at).total_seconds())
    LOG.info("%s in %.1f s: %s", "found" if cached else "published", seconds, published.uri)
    return {
        "result": "Succeeded",
        "artifact": {"uri": published.uri, "digest": published.digest, "sizeBytes": published.size},
        "seconds": round(seconds, 3),
        "cached": cached,
        **_accuracy_told(published.manifest),
    }


def _accuracy_told(manifest: Manifest) -> dict[str, object]:
    """What a result says of the artifact's accuracy."""
    match manifest.accuracy:
        case Cosine(_, float(least), _):
            return {"accuracy": {"cosineMin": least}}
        case Logprob(float(worst), _):
            return {"accuracy": {"logprobWorst": worst}}
        case Measured(measure, float(value), _):
            return {"accuracy": {measure: value}}
    return {}


def _workplace(folder: Path) -> Workplace:
    return Workplace(folder / "fetched", folder / "made")


def _as_failure(error: Exception) -> Failure:
    if isinstance(error, Failure):
        return error
    if out_of_memory(error):
        return Failure(FailureClass.OUT_OF_MEMORY, Reason.OUT_OF_MEMORY, f"out of memory: {error}; give the job more memory")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return infrastructure_failure(Reason.STORE_UNAVAILABLE, f"the disk is full: {error}; raise config.compile.ephemeralStorage")
    return infrastructure_failure(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise infrastructure_failure(Reason.INTERRUPTED, "the job was told to stop (SIGTERM) before it was done; it will be tried again")

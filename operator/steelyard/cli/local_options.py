"""`steelyard trial --local`, both ways: what its words ask for, and the words that ask for it again."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlsplit

from steelyard.cli.duration import written
from steelyard.cli.problem import Problem
from steelyard.control.gather.pool_facts import claim_of
from steelyard.core.facts.probe import Lengths
from steelyard.core.facts.snapshot import LatencyObjective, Model
from steelyard.core.facts.trial import AskedLoad, PoolClaim
from steelyard.core.trials.lengths import AROUND, USUAL_INPUT
from steelyard.core.trials.sent import least_seconds
from steelyard.core.vocabulary.task import SERVED
from steelyard.local.asked import Asked
from steelyard.local.toolchains import NotTold, told_by
from steelyard.local.variant import Variant, variant
from steelyard.status.raw import Raw

MOST_POOLS = 8
DIGEST = "sha256:[0-9a-f]{64}"
USUAL_TASK = "feature-extraction"
CONFIG, GRAPH = "config.json", "model.onnx"
"""What a folder has that a library has saved a model to, and one of a graph."""


def asked(arguments: argparse.Namespace, claims: Sequence[Raw]) -> Asked:
    """claims: as spec.claims has them. Problem where it cannot be done so."""
    variants = _variants(arguments.pools)
    if arguments.task not in SERVED:
        raise Problem(
            f"a trial on this machine serves no model for {arguments.task}",
            f"--task takes {', '.join(SERVED)}; text is generated in a cluster alone: `steelyard trial start`",
        )
    factors = tuple(map(float, arguments.length_factors))
    longest = arguments.lengths[1] if arguments.lengths else USUAL_INPUT
    found = Asked(
        name=_name(arguments.model),
        model=_model(arguments),
        variants=variants,
        objective=LatencyObjective(metric="e2e", milliseconds=arguments.objective.milliseconds, percent=float(arguments.objective.percent)),
        load=AskedLoad(rate=arguments.load, lengths=_between(arguments.lengths)),
        seconds=arguments.duration,
        length_factors=factors,
        longest=round(longest * max((1.0, *factors))) + AROUND if arguments.lengths or factors else None,
        prices=_prices(arguments.price, [each.name for each in variants]),
        currency=arguments.currency,
        claims=tuple(PoolClaim(pool=each["pool"], claim=claim_of(each)) for each in claims),
    )
    _require_time(found)
    _require_both(found)
    return found


def command(arguments: argparse.Namespace) -> str:
    """What to type for the same trial."""
    promised = arguments.objective
    words = ["steelyard", "trial", "--local", arguments.model, "--pools", ",".join(arguments.pools)]
    for claim in arguments.claim:
        words += ["--claim", claim]
    for pool, money in arguments.price:
        words += ["--price", f"{pool}={_whole(money)}" if pool else _whole(money)]
    words += ["--objective", f"e2e={promised.milliseconds}ms:{promised.percent}", "--duration", written(arguments.duration)]
    if arguments.lengths:
        words += ["--lengths", "{}:{}".format(*arguments.lengths)]
    if arguments.length_factors:
        words += ["--length-factors", ",".join(arguments.length_factors)]
    if arguments.load:
        words += ["--load", _whole(arguments.load)]
    if arguments.price:
        words += ["--currency", arguments.currency]
    if arguments.task != USUAL_TASK:
        words += ["--task", arguments.task]
    for option in ("digest", "revision"):
        if (given := getattr(arguments, option)) is not None:
            words += [f"--{option}", given]
    return shlex.join(words)


def _whole(figure: float) -> str:
    """Every digit of it, and no exponent, as the options take it."""
    return f"{Decimal(repr(figure)).normalize():f}"


def _variants(texts: Sequence[str]) -> tuple[Variant, ...]:
    try:
        found = tuple(variant(each) for each in texts)
    except ValueError as error:
        raise Problem(
            f"--pools: {error}", "write variants with commas between them, such as openvino/float32/Int8Dynamic,onnxruntime"
        ) from error
    if len(found) > MOST_POOLS:
        raise Problem(f"--pools names more than {MOST_POOLS} variants", "compare fewer of them")
    return found


def _prices(given: Sequence[tuple[str | None, float]], pools: Sequence[str]) -> Mapping[str, float]:
    """By pool: its own, or else the one for all."""
    unknown = next((pool for pool, _ in given if pool is not None and pool not in pools), None)
    if unknown is not None:
        raise Problem(f"--price {unknown}=...: {unknown!r} is not a pool of this trial", f"write one of --pools: {', '.join(pools)}")
    for_all = {pool: money for each, money in given if each is None for pool in pools}
    return for_all | {pool: money for pool, money in given if pool is not None}


def _between(lengths: tuple[int, int] | None) -> Lengths | None:
    """Any number of tokens from the first to the second, each as likely."""
    if lengths is None:
        return None
    below, most = float(lengths[0] - 1), float(lengths[1])
    return Lengths(input=((below, 0), (most, 1)) if below else ((most, 1),))


def _model(arguments: argparse.Namespace) -> Model:
    uri, digest, revision = arguments.model, arguments.digest, arguments.revision
    if digest is not None and re.fullmatch(DIGEST, digest) is None:
        raise Problem(
            f"--digest {digest} is none",
            "give sha256: and 64 lower case hex digits; `steelyard-runtime digest FOLDER` prints that of a folder",
        )
    parts = urlsplit(uri)
    if parts.scheme in {"", "file"}:
        uri, digest = _folder(Path(unquote(parts.path) if parts.scheme else uri), digest, GRAPH if arguments.task == "tensors" else CONFIG)
    elif parts.scheme == "hf" and revision is None:
        raise Problem(f"{uri} needs a revision", "give --revision with the commit in full, as its page on the hub shows it")
    elif parts.scheme != "hf" and digest is None:
        raise Problem(f"{uri} needs a digest", "give --digest sha256:<64 hex>; `steelyard-runtime digest FOLDER` prints that of a folder")
    return Model(uri=uri, digest=digest, revision=revision, task=arguments.task)


def _folder(given: Path, digest: str | None, needed: str) -> tuple[str, str]:
    """The address and the digest of a model in a folder. needed: a file that every model of its task has."""
    folder = given.expanduser().resolve()
    if not (folder / needed).is_file():
        raise Problem(
            f"{folder} is no folder of a model: it has no {needed}",
            "give the folder that a model was saved to, or the address of one, such as hf://ORG/NAME; of an ONNX graph give --task tensors",
        )
    try:
        return folder.as_uri(), digest or told_by("digest", str(folder))
    except NotTold as error:
        raise Problem(f"the model in {folder} cannot be read: {error}", "mend that, or give another folder") from error


def _require_time(found: Asked) -> None:
    least = least_seconds(found.workload())
    if found.seconds < least:
        raise Problem(
            f"--duration {written(found.seconds)} is too short: where a request may take {found.objective.milliseconds} ms, a ramp takes "
            f"{least} s at least",
            f"give --duration {written(least)} or more",
        )


def _require_both(found: Asked) -> None:
    """An instance type of the catalogue is not here to be compared with."""
    other = next((each.claim.relative_to for each in found.claims if each.claim.relative_to not in {None, *found.pools}), None)
    if other is not None:
        raise Problem(
            f"a claim is relative to {other!r}, which is not a pool of this trial", f"write one of --pools: {', '.join(found.pools)}"
        )


def _name(model: str) -> str:
    """By the last part of its address."""
    return re.sub(r"[^a-z0-9]+", "-", model.rstrip("/").rpartition("/")[2].lower()).strip("-")[:40] or "model"

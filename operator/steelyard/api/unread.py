"""What a kind of server does not read has to be left out: no wish is ignored in silence. Stored objects that have it are read as without."""

from collections.abc import Callable
from functools import partial
from typing import Any

from steelyard.api.compile_options import CompileOptions, Quantization
from steelyard.api.pods import Pods
from steelyard.api.rebalancing import Aim, ProbeFirst, Rebalancing
from steelyard.api.rule import Rule
from steelyard.api.scaling import Scaling

_rule: Callable[..., Rule] = partial(Rule, spares_stored=True)
_SHAPES = "self.compile.batchSizes == [1, 8] && self.compile.sequenceLengths == [128, 512]"


def _empty(*lists: str) -> str:
    """Of the compile options."""
    return " && ".join(f"self.compile.?{each}.orValue([]).size() == 0" for each in lists)


def _of_each(where: str, holds: str) -> str:
    return f"(!has(self.compile.{where}) || self.compile.{where}.all(o, {holds}))"


_NO_QUANTIZATION = "(!has(o.quantization) || o.quantization == 'None')"


def _not_ours(spec: Any) -> bool:
    return spec.server.existing is not None or spec.server.custom is not None


def _asked_blindly(spec: Any) -> bool:
    """Whether it is a server whose requests nobody knows."""
    return spec.server.custom is not None and (spec.traffic is None or spec.traffic.samples is None)


def _advises(rebalancing: Rebalancing) -> bool:
    """Whether all of it is about what is observed and said."""
    usual, exploration = Rebalancing(), rebalancing.exploration
    return (
        rebalancing.cooldown_seconds == usual.cooldown_seconds
        and rebalancing.deadline_seconds == usual.deadline_seconds
        and exploration.budget is None
        and exploration.aim == Aim.SAVING
        and exploration.probe == ProbeFirst.AUTO
    )


def _is_for_vllm(options: CompileOptions) -> bool:
    return not (options.says_shapes or options.all_flags or set(options.quantizations) - {Quantization.NONE})


UNREAD = (
    _rule(
        f"has(self.server.steelyard) || has(self.server.vllm) || ({_SHAPES} && self.compile.dtype == 'Auto' && self.compile.quantization == 'None' && "
        f"self.compile.tensorParallel == 1 && !has(self.compile.resources) && {_empty('flags', 'families', 'backends', 'variants')})",
        "must be left out unless the server is steelyard or vllm: nothing is compiled for others",
        lambda s: not _not_ours(s) or not s.compile.is_said,
        field="compile",
    ),
    _rule(
        f"!has(self.server.vllm) || ({_SHAPES} && {_empty('flags')} && self.compile.quantization == 'None' && "
        + _of_each("families", f"!has(o.batchSizes) && !has(o.sequenceLengths) && o.?flags.orValue([]).size() == 0 && {_NO_QUANTIZATION}")
        + f" && {_of_each('backends', _NO_QUANTIZATION)} && {_of_each('variants', _NO_QUANTIZATION)})",
        "must leave out batchSizes, sequenceLengths, flags and quantization with the vllm server: it forms its own batches, takes "
        "server.vllm.arguments, and makes no weights smaller: give it a checkpoint whose weights are",
        lambda s: s.server.vllm is None or _is_for_vllm(s.compile),
        field="compile",
    ),
    _rule(
        f"!has(self.server.steelyard) || (self.compile.tensorParallel == 1 && {_of_each('families', '!has(o.tensorParallel) || o.tensorParallel == 1')})",
        "must leave tensorParallel at 1 with the steelyard server, which splits no model: use the vllm server, or pools with larger devices",
        lambda s: s.server.steelyard is None or not s.compile.splits,
        field="compile",
    ),
    _rule(
        "!has(self.server.existing) || (self.scaling.minReplicas == 1 && self.scaling.maxReplicas == 10 && self.scaling.priority == 0 && "
        "self.scaling.owner == 'Steelyard')",
        "must be left out when the server is existing: how many replicas there are is its owner's to say",
        lambda s: s.server.existing is None or s.scaling == Scaling(),
        field="scaling",
    ),
    _rule(
        "!has(self.server.existing) || (self.pods.?imagePullSecrets.orValue([]).size() == 0 && !has(self.pods.queueName) && "
        "!has(self.pods.serviceAccountName) && !has(self.pods.compileServiceAccountName))",
        "must be left out when the server is existing: no pod of it is made",
        lambda s: s.server.existing is None or s.pods == Pods(),
        field="pods",
    ),
    _rule(
        "!has(self.server.custom) || !has(self.pods.compileServiceAccountName)",
        "must leave out compileServiceAccountName when the server is custom: nothing is compiled, and all its pods have serviceAccountName",
        lambda s: s.server.custom is None or s.pods.compile_service_account_name is None,
        field="pods",
    ),
    _rule(
        "!has(self.server.existing) || !has(self.placement.pools) || self.placement.pools.all(p, !has(p.resources))",
        "must leave out resources when the server is existing: its pods say what a replica takes",
        lambda s: s.server.existing is None or all(p.resources is None for p in s.placement.pools),
        field="placement.pools",
    ),
    _rule(
        "!has(self.placement.exitDrill) || (!has(self.server.existing) && (!has(self.server.custom) || (has(self.traffic) && has(self.traffic.samples))))",
        "must be left out when the server is existing, of which no replica is made, and with a custom server unless traffic.samples says what to ask it",
        lambda s: s.placement.exit_drill is None or not (s.server.existing is not None or _asked_blindly(s)),
        field="placement.exitDrill",
    ),
    _rule(
        "!has(self.server.custom) || self.rebalancing.exploration.probe == 'Auto' || (has(self.traffic) && has(self.traffic.samples))",
        "must leave exploration.probe out with a custom server unless traffic.samples says what to ask it",
        lambda s: not _asked_blindly(s) or s.rebalancing.exploration.probe == ProbeFirst.AUTO,
        field="rebalancing",
    ),
    _rule(
        "!has(self.server.existing) || (self.rebalancing.cooldownSeconds == 21600 && self.rebalancing.deadlineSeconds == 3600 && "
        "[self.rebalancing.exploration].all(e, !has(e.budget) && e.aim == 'Saving' && e.probe == 'Auto'))",
        "must leave out cooldownSeconds, deadlineSeconds and the budget, aim and probe of exploration when the server is existing: nothing of it is "
        "moved or tried",
        lambda s: s.server.existing is None or _advises(s.rebalancing),
        field="rebalancing",
    ),
    _rule(
        "!has(self.server.existing) || !has(self.model) || !has(self.model.secretName)",
        "must leave out secretName when the server is existing: no model is fetched for it",
        lambda s: s.server.existing is None or s.model is None or s.model.secret_name is None,
        field="model",
    ),
)

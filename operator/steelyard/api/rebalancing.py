"""How freely Steelyard may move a workload to a cheaper mix, and what it must have seen before."""

from typing import Annotated

from pydantic import StrictBool

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.money import Budget
from steelyard.api.rule import Rule
from steelyard.api.word import Word


class Mode(Word):
    """How far Steelyard goes."""

    OBSERVE = "Observe", "measure and report only"
    RECOMMEND = "Recommend", "also say which move would save how much"
    AUTO = "Auto", "also make the moves"


class ProbeFirst(Word):
    """When a probe comes before a user's request."""

    AUTO = (
        "Auto",
        "where the servers that carry the load do not tell how busy they are",
    )
    ALWAYS = "Always", "before every exploration"
    NEVER = "Never", "live traffic alone shows what a pool carries"


class Aim(Word):
    """What an exploration is made for."""

    SAVING = "Saving", "where what it is expected to save is above its price"
    VERDICT = "Verdict", "also where a claim has no verdict yet and compares the pool, within the budget"


class Exploration(SpecModel):
    """What measuring a pool without measurements may cost."""

    budget: Annotated[
        Budget | None,
        says(
            'The most that explorations may spend in any 24 hours: one surge replica each until the verdict. "0" switches them off. Left out: a '
            "tenth of what the workload costs in a day at its present load.",
            unit="currency",
            example="2.50",
        ),
    ] = None
    aim: Annotated[
        Aim,
        says(
            "What an exploration is made for.",
            example="Verdict",
        ),
    ] = Aim.SAVING
    probe: Annotated[
        ProbeFirst,
        says(
            "Whether an exploration begins with a probe: a replica that serves nobody, which is sent ever more requests of the "
            "lengths that were seen, until the objective breaks. "
            "Where only a carried load is known of the present pool, a replica there is probed too. Both are within the "
            "budget.",
            example="Always",
        ),
    ] = ProbeFirst.AUTO
    deadline_seconds: Annotated[
        int,
        says(
            "How long one exploration may take, from its first request to its verdict, probes included. What is not decided by then"
            " goes back as Inconclusive.",
            unit="seconds",
            example=3600,
            low=10,
            high=604_800,
        ),
    ] = 1800


class Rebalancing(SpecModel):
    """The rules of moves. Every time may be short, so that demos and tests use these fields and nothing hidden."""

    RULES = (
        Rule(
            "self.cooldownSeconds == 0 || self.cooldownSeconds >= self.windowSeconds",
            "must be 0 or at least windowSeconds: a shorter cool-down would end before the move has been seen in one window",
            lambda r: r.cooldown_seconds == 0 or r.cooldown_seconds >= r.window_seconds,
            field="cooldownSeconds",
        ),
        Rule(
            "self.deadlineSeconds >= self.windowSeconds",
            "must be at least windowSeconds: a verdict needs one whole window; raise deadlineSeconds or lower windowSeconds",
            lambda r: r.deadline_seconds >= r.window_seconds,
            field="deadlineSeconds",
        ),
        Rule(
            "self.exploration.deadlineSeconds <= self.deadlineSeconds",
            "must not be more than rebalancing.deadlineSeconds: an exploration is the beginning of a move and ends within it",
            lambda r: r.exploration.deadline_seconds <= r.deadline_seconds,
            field="exploration.deadlineSeconds",
        ),
        Rule(
            "self.exploration.deadlineSeconds >= self.windowSeconds",
            "must be at least windowSeconds: nothing is measured before one whole window has passed",
            lambda r: r.exploration.deadline_seconds >= r.window_seconds,
            field="exploration.deadlineSeconds",
        ),
    )

    mode: Annotated[
        Mode,
        says(
            "How far Steelyard goes. Recommend is the default, so that nothing moves before you have compared its advice with your bill. Sizing "
            "works in every mode. With scaling.owner External it may not be Auto.",
            example="Auto",
        ),
    ] = Mode.RECOMMEND
    min_saving_percent: Annotated[
        int,
        says(
            "How much cheaper the new mix must be, at the lower end of the 95 % interval, for a move to be worth its risk.",
            unit="percent of the present unit cost",
            example=5,
            low=0,
            high=90,
        ),
    ] = 10
    payback_seconds: Annotated[
        int,
        says(
            "Within what time the saving must have paid for the move itself: replicas that run twice, and their start, not the "
            "compile. A day by default, because load forecasts beyond a day are guesses.",
            unit="seconds",
            example=604_800,
            low=60,
            high=31_536_000,
        ),
    ] = 86_400
    cooldown_seconds: Annotated[
        int,
        says(
            "How long after a move of this workload no other one starts, and how long a move back is impossible. An exploration "
            "that found what it could is no such move; one by which another pool takes more from the same pool need not wait. 0 means no pause.",
            unit="seconds",
            example=3600,
            low=0,
            high=2_592_000,
        ),
    ] = 21_600
    window_seconds: Annotated[
        int,
        says(
            "The length of one window of observation. Every verdict compares whole windows; shorter ones decide sooner with more noise.",
            unit="seconds",
            example=30,
            low=5,
            high=3600,
        ),
    ] = 60
    bake_seconds: Annotated[
        int,
        says(
            "How long the new mix must hold under all of the traffic before the old replicas are drained. Until then going back is "
            "quick. Where the revision served within the last day, eight windows are enough.",
            unit="seconds",
            example=600,
            low=0,
            high=604_800,
        ),
    ] = 1800
    min_good_requests: Annotated[
        int,
        says(
            "How many good requests must have been measured on a pool before its unit cost can justify a move. 300 bound an error "
            "to a few percent in the usual case.",
            unit="requests",
            example=1000,
            low=10,
            high=1_000_000,
        ),
    ] = 300
    deadline_seconds: Annotated[
        int,
        says(
            "How long one step of a move may take, its bake not counted. What is not decided by then goes back to the source.",
            unit="seconds",
            example=7200,
            low=10,
            high=604_800,
        ),
    ] = 3600
    exploration: Annotated[
        Exploration,
        says("What may be spent on measuring a pool that this workload has never used, when claims promise that it is cheaper."),
    ] = Exploration()
    paused: Annotated[
        StrictBool,
        says(
            "Stops all voluntary moves of this workload; one under way is finished or taken back safely. Sizing goes on, and the "
            "condition Held says who paused it.",
            example=True,
        ),
    ] = False

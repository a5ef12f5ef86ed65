"""The story of text: a small Llama behind vLLM on two pools, whose replicas differ in size and whose nodes differ in price.

A replica that waits for the next request costs as much as a busy one, so at a load that one replica carries anywhere the cheaper hour is the
cheaper token. What a replica carries is not measured on each pool first, since vLLM takes minutes to start: it works on a few requests at a
time, so that the first answers tell.
"""

from __future__ import annotations

from demo.served import OUTPUT_TOKENS, Given, Served

SEQUENCES, PART = 2, 0.25
"""So that one replica of the smaller ones carries the load as well."""
TOKENS = "16:48"
TTFT_MILLISECONDS, ITL_MILLISECONDS, E2E_MILLISECONDS = 8000, 2000, 30_000
"""So wide that a slow machine keeps them nearly as full as a fast one: what differs is to be the price, and not who can keep the promise."""
PERCENT = "95"
MEMORY = "5Gi"
DEARER, CHEAPER = {"cpu": "700m", "memory": MEMORY}, {"cpu": "600m", "memory": MEMORY}
"""Not far apart: the processes of vLLM beside the one that computes take their part of each first, and what is left to compute with differs by more."""
PRICES = ("0.60", "0.30")
"""Of a node an hour: of the dearer pool, and of the cheaper one."""


def text(*, swap: bool) -> Served:
    """`swap`: pool-a is the cheaper one."""
    resources, prices = ((CHEAPER, DEARER), PRICES[::-1]) if swap else ((DEARER, CHEAPER), PRICES)
    limits = {"ttft": TTFT_MILLISECONDS, "itl": ITL_MILLISECONDS}
    return Served(
        workload="chat",
        task="text-generation",
        server={"vllm": {"maxModelLength": 512, "maxSequences": SEQUENCES}},
        compile={"dtype": "float32"},
        objective={
            "latency": [{"metric": metric, "milliseconds": limit, "percent": PERCENT} for metric, limit in limits.items()],
            "unit": "OutputTokens",
        },
        resources=resources,
        least_requests=300,
        most_replicas=4,
        load=(
            "--slo-ms", str(E2E_MILLISECONDS), "--words", "20:60", "--generate", TOKENS,
            "--ttft-ms", str(TTFT_MILLISECONDS), "--itl-ms", str(ITL_MILLISECONDS),
        ),
        unit=OUTPUT_TOKENS,
        given=Given(prices, PART, SEQUENCES),
        # vLLM imports for a minute, and on two processors that do everything else as well for several.
        start_seconds=1200,
        judge_seconds=3300,
        # By the claim the other pool is dearer, and a start of minutes is too dear to try it for what the claim leaves open.
        aim="Verdict",
        step_seconds=1800,
        # Of less than one request a second, half of which goes to the pool that is tried.
        window_seconds=20,
    )  # fmt: skip

"""The arguments of `steelyard-runtime load`."""

import argparse


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; `run.py` reads them."""
    parser.add_argument("--url", required=True, help="base address of the server, for example http://encoder:8080")
    parser.add_argument("--model", required=True, help="served name of the model")
    parser.add_argument("--rate", type=float, help="requests per second on average")
    parser.add_argument("--duration", type=float, help="seconds to send for (at most 24 h)")
    parser.add_argument("--schedule", help="rates and seconds instead of --rate and --duration: 'R1:S1,R2:S2'")
    parser.add_argument(
        "--trace", metavar="FILE", help="instead of --rate: when each request came, as CSV (time, and words and tokens if known)"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="with --trace: so many times as fast as it was recorded (default 1)")
    parser.add_argument("--until-file", metavar="PATH", help="with --rate: send until this file exists (or for --duration, else 24 h)")
    parser.add_argument("--until-signal", action="store_true", help="with --rate: send until SIGTERM (or for --duration, else 24 h)")
    parser.add_argument("--slo-ms", type=float, required=True, help="an answer within so many milliseconds of its intended time is good")
    parser.add_argument("--seed", type=int, default=1, help="of arrivals and texts (default 1)")
    parser.add_argument("--words", default="20:60", metavar="LO:HI", help="length of the texts in words (default 20:60)")
    parser.add_argument(
        "--task", default="embeddings", help="what to ask for: the task of the server's model, by the server's word (default embeddings)"
    )
    parser.add_argument("--generate", metavar="LO:HI", help="ask for so many tokens of text, in a stream, instead of --task")
    parser.add_argument("--ttft-ms", type=float, help="with --generate: milliseconds to the first token that a good answer keeps")
    parser.add_argument("--itl-ms", type=float, help="with --generate: mean milliseconds between tokens that a good answer keeps")
    parser.add_argument(
        "--connections",
        type=int,
        default=2000,
        help="connections at most (default 2000): a request that waits for one is counted as late, and the server does not see it meanwhile",
    )
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for one answer (default 30)")
    parser.add_argument("--log", metavar="FILE", help="where the JSON lines go (default stdout)")

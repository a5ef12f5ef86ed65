"""The argparse tree: the one description of the command line, from which help, completion and the reference page come."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TypeAlias

from steelyard.cli.command import Command
from steelyard.cli.commands import COMMANDS, GROUPS
from steelyard.cli.commands.version import VersionOption
from steelyard.cli.strict_parser import StrictParser

DESCRIPTION = (
    "Ask Steelyard where models run, what a good request costs there, and why, and compare pools by trials. Needs nothing but a kubeconfig and "
    "your own rights."
)

Words: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def build(prog: str) -> argparse.ArgumentParser:
    """The whole tree. Options that say which cluster may stand before the command or after it."""
    parser = StrictParser(prog=prog, description=DESCRIPTION, parents=[_which_cluster()])
    parser.add_argument("--version", action=VersionOption, nargs=0, help="the version of this command")
    parser.set_defaults(parser=parser)  # `completion` describes the whole tree.
    words = {"": _words(parser)}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group not in words:
            words[group] = _words(_group(words[""], group))
        _add(words[group], name, command)
    return parser


def _group(words: Words, name: str) -> argparse.ArgumentParser:
    summary = GROUPS[name]
    return words.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", parents=[_which_cluster()])


def _words(parser: argparse.ArgumentParser) -> Words:
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _add(words: Words, name: str, command: Command) -> None:
    parents = [_which_cluster()] if command.cluster else []
    exits = "exit codes: " + "; ".join(f"{code} {why}" for code, why in command.exits)
    sub = words.add_parser(name, help=command.summary, description=command.description, epilog=exits, parents=parents)
    command.add_arguments(sub)
    if len(command.formats) > 1:
        one = sub.add_mutually_exclusive_group()
        one.add_argument("-o", "--output", choices=command.formats, default=command.formats[0], help=_formats(command.formats))
        for each in command.short:
            one.add_argument(
                f"--{each}", action="store_const", dest="output", const=each, default=argparse.SUPPRESS, help=f"the same as -o {each}"
            )
    sub.set_defaults(command=command)


FORMATS = {
    "text": "text for people",
    "html": "html for people",
    "json": "json for programs",
    "csv": "csv for spreadsheets",
    "llm-d": "llm-d for its Benchmark Reports",
    "yaml": "yaml for kubectl",
}


def _formats(offered: Sequence[str]) -> str:
    first, *rest = (FORMATS[each] for each in offered)
    return ", ".join([f"{first} (default)", *rest])


def _which_cluster() -> argparse.ArgumentParser:
    """SUPPRESS: the subcommand's absent option must not overwrite what stood before the command."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("which cluster")
    group.add_argument("--kubeconfig", metavar="FILE", help="the kubeconfig; default: $KUBECONFIG, else ~/.kube/config")
    group.add_argument("--context", metavar="NAME", help="the kubeconfig's context; default: its current one")
    group.add_argument("-n", "--namespace", metavar="NAME", help="the namespace; default: the context's, else default")
    return parser

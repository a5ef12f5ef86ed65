"""`steelyard completion SHELL`: a script for the shell, made from the argparse tree."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from steelyard.cli.command import OK, Command

_BASH = """\
# Bash: source <(steelyard completion bash)
_steelyard() {{
  local word="" option words
  for option in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "|{names}|" in *"|${{word:+$word }}$option|"*) word="${{word:+$word }}$option" ;; esac
  done
  case "$word" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _steelyard steelyard
"""
_ZSH = "# Zsh: source <(steelyard completion zsh)\nautoload -U +X bashcompinit && bashcompinit\n"
_FISH = "# Fish: steelyard completion fish | source\ncomplete -c steelyard -f\n"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script; words and options are those of the parser."""
    known = parsers(parser)
    if shell == "fish":
        return "".join([_FISH, *(line for name, one in known.items() for line in _fish(name, one))])
    cases = "\n".join(f'    "{name}") words="{" ".join([*_next(one), *_options(one)])}" ;;' for name, one in known.items())
    bash = _BASH.format(names="|".join(known), cases=cases)
    return _ZSH + bash.partition("\n")[2] if shell == "zsh" else bash


def _fish(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    there = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in name.split()) or "__fish_use_subcommand"
    for word in _next(parser):
        yield f"complete -c steelyard -n '{there}' -a {word}\n"
    for option in _options(parser) if name else ():
        flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
        yield f"complete -c steelyard -n '{there}' {flag}\n"


def parsers(parser: argparse.ArgumentParser, name: str = "") -> dict[str, argparse.ArgumentParser]:
    """The parser behind all that may be typed, by its words: none yet, those of a group, those of a command."""
    found = {name: parser}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, one in action.choices.items():
                found |= parsers(one, f"{name} {word}".strip())
    return found


def _next(parser: argparse.ArgumentParser) -> list[str]:
    """Words that may follow."""
    return [word for action in parser._actions if isinstance(action, argparse._SubParsersAction) for word in action.choices]


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _run(arguments: argparse.Namespace) -> int:
    print(script(arguments.shell, arguments.parser), end="")
    return OK


COMMAND = Command(
    name="completion",
    summary="a completion script for the shell",
    description="A completion script for the shell: source <(steelyard completion bash).",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    formats=(),
)

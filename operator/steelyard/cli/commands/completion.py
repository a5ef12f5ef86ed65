"""`steelyard completion SHELL`: a script for the shell, made from the argparse tree."""

from __future__ import annotations

import argparse

from steelyard.cli.command import OK, Command

_BASH = """\
# Bash: source <(steelyard completion bash)
_steelyard() {{
  local word="" option words
  for option in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case " {names} " in *" $option "*) word=$option; break ;; esac
  done
  case "$word" in
{cases}
    *) words="{names} {options}" ;;
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
    subs = subparsers(parser)
    if shell == "fish":
        lines = [_FISH]
        for name, sub in subs.items():
            lines.append(f"complete -c steelyard -n __fish_use_subcommand -a {name}\n")
            for option in _options(sub):
                flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
                lines.append(f"complete -c steelyard -n '__fish_seen_subcommand_from {name}' {flag}\n")
        return "".join(lines)
    cases = "\n".join(f'    {name}) words="{" ".join(_options(sub))}" ;;' for name, sub in subs.items())
    bash = _BASH.format(names=" ".join(subs), options=" ".join(_options(parser)), cases=cases)
    return _ZSH + bash.partition("\n")[2] if shell == "zsh" else bash


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by its name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


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

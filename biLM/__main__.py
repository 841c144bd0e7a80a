"""Run one of biLM's commands: `bilm COMMAND`, or `python -m biLM COMMAND`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, util
from typing import NamedTuple

from biLM.options import parsed
from biLM.version import DISTRIBUTION, own_version


class Command(NamedTuple):
    """Names the module whose `main(arguments, prog)` runs a command, and the extra it needs."""

    help: str
    package: str
    module: str
    extra: str


COMMANDS = {
    "serve": Command("serve a model over HTTP until SIGTERM", "service", "__main__", "service"),
    "embed": Command("turn a file of texts into files of vectors", "biLM", "bulk.command", "bulk"),
    "card": Command("print what a model is and how good it is", "biLM", "card", "service"),
    "train": Command("train a model on your own text files", "training", "__main__", "training"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, which is 2 if a package is not installed."""
    parser = _parser()
    given = parsed(parser, arguments)
    if given.command not in COMMANDS:  # not shown: it may be a key whose option precedes a command
        parser.error(f"the first word must be a command, one of {', '.join(COMMANDS)}")
    command = COMMANDS[given.command]
    try:
        return _main_of(command)(given.arguments, f"bilm {given.command}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("biLM", "bilm", command.package)):
            raise
        sys.stderr.write(
            f"bilm {given.command}: {error.name} is not installed; this command needs biLM with the"
            f" extra {command.extra!r}. Run pip install '{DISTRIBUTION}[{command.extra}] @"
            f" file://…whl' or, in a checkout, scripts/install {command.extra}\n"
        )
        return 2


def _parser() -> argparse.ArgumentParser:
    summary = "".join(f"\n  {name:8}{command.help}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="bilm",
        usage="%(prog)s [--version] COMMAND …",
        description=f"{__doc__}\n\ncommands:{summary}",
        epilog="bilm COMMAND --help lists the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{DISTRIBUTION} {own_version()}")
    parser.add_argument("command", metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _main_of(command: Command) -> Callable[[Sequence[str], str], int]:
    """Return the function that runs a command; in a wheel, package names begin with `bilm_`."""
    installed = f"bilm_{command.package}"
    package = installed if util.find_spec(installed) else command.package
    run: Callable[[Sequence[str], str], int] = import_module(f"{package}.{command.module}").main
    return run


if __name__ == "__main__":
    sys.exit(main())

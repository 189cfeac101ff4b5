"""The `hpa` command: each module of `hpa.commands` is one subcommand.

A command module has `HELP` (one line, a plain string), `add_arguments(parser)` and `run(arguments) -> int`, the exit
code. Only the module of the command that was called is imported; the help lines of the others are read from their
source, so that `hpa --help` does not wait for torch.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, Protocol, cast, runtime_checkable

import hpa.commands
from hpa.app.signals import interrupting_signals
from hpa.app.streams import lost_output, outlast_readers
from hpa.core.errors import InputError, UsageError, explained
from hpa.core.file_names import require_no_device, require_utf8
from hpa.core.nearest import did_you_mean
from hpa.core.paths import with_home
from hpa.core.plugins import name_plugins
from hpa.core.project_folder import with_commands

DESCRIPTION = (
    "Train, predict, and the tools around them: make and check data, segment cells, score and merge results, and "
    "convert them for other programs. `hpa COMMAND --help` lists the options of one. Every command takes "
    "plugins=[PACKAGE] for parts of your own."
)
EXIT_CODES = (
    "Exit codes: 0 all well; 1 nothing usable, or a check failed; 2 usage; 3 some images failed; 130 interrupted."
)
FAILED = 1
USAGE = 2
_NAME_OF = {"import_images": "import"}
"""Commands whose name no module can have: `import` is a word of the language."""
_READ_BY_HYDRA = ("train", "infer")
"""Commands that take all words as they are, options and --help too."""
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


@runtime_checkable
class Command(Protocol):
    """What a module of `hpa.commands` defines."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work and return the exit code."""


class _Parser(argparse.ArgumentParser):
    """A parser that answers a misspelt command or choice with the nearest one."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and exit with 2."""
        wrong = re.search(r"invalid choice: '(?P<word>.*)' \(choose from (?P<choices>.*)\)$", message)
        if wrong is not None:
            choices = wrong["choices"].replace("'", "").split(", ")
            near = did_you_mean(wrong["word"], choices, f"choose from {', '.join(choices)}.")
            message = f"{message[: wrong.start()]}there is no '{wrong['word']}'; {near}"
        super().error(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 1 for input that cannot be used, 130 when interrupted.

    Args:
        argv: Words after `hpa`; None takes those of the process.

    Raises:
        SystemExit: With 2 for wrong usage, with 0 after printing help.
    """
    outlast_readers()
    words = list(sys.argv[1:] if argv is None else argv)
    called = words[0] if words else ""
    if not words:
        _parser("").print_help(sys.stderr)
        raise SystemExit(USAGE)
    try:
        require_utf8()
        if called not in _READ_BY_HYDRA:
            words = _without_plugins(words)
        arguments = _arguments(_parser(called), words)
        _require_no_devices(arguments)
        with interrupting_signals():
            code = int(arguments.run(arguments))
        if lost := lost_output():
            print(f"hpa {called}: {lost}", file=sys.stderr)
        return code or (FAILED if lost else 0)
    except InputError as error:
        print(f"hpa {called}: {with_commands(str(error))}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED
    except (OSError, MemoryError) as error:
        if (reason := explained(error)) is None:
            raise
        print(f"hpa {called}: {reason}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"hpa {called}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _require_no_devices(arguments: argparse.Namespace) -> None:
    """Refuse devices, pipes and sockets among the files and folders that the words of a command name."""
    for value in vars(arguments).values():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path):
                require_no_device(path)


def _without_plugins(words: Sequence[str]) -> list[str]:
    """Take the plugins that are named (`plugins=[A,B]`, `--plugins A,B`), and return the other words.

    Raises:
        InputError: If there is no such package, or it is no plugin.
    """
    own, rest, others = words[:1], iter(words[1:]), []
    for word in rest:
        if word == "--plugins":
            word = f"--plugins={next(rest, '')}"
        if word.startswith(("plugins=", "--plugins=")):
            names = word.partition("=")[2].strip("[]").split(",")
            name_plugins([name.strip() for name in names if name.strip()])
        else:
            others.append(word)
    return [*own, *others]


def _arguments(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Parse the words; a command with `overrides` takes `key=value` words after its options too."""
    arguments, rest = parser.parse_known_args(words)
    if rest and (not hasattr(arguments, "overrides") or any(word.startswith("-") or "=" not in word for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides += rest
    for name, value in vars(arguments).items():
        setattr(arguments, name, with_home(value))
    return arguments


def _parser(called: str) -> argparse.ArgumentParser:
    """Return a parser that lists all commands and knows the arguments of the one that is called."""
    parser = _Parser(prog="hpa", description=DESCRIPTION, epilog=EXIT_CODES)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help_line in available_commands().items():
        own: dict[str, Any] = {"prefix_chars": "\n", "add_help": False} if name in _READ_BY_HYDRA else {}
        command_parser = commands.add_parser(name, help=help_line, description=help_line, **own)
        if name == called:
            command = _import_command(name)
            command.add_arguments(command_parser)
            command_parser.set_defaults(run=command.run)
    return parser


def available_commands() -> dict[str, str]:
    """Return the help line of every command by its name, e.g. `score-segmentation` for `score_segmentation.py`."""
    return {
        _NAME_OF.get(module.name, module.name.replace("_", "-")): _help_line(Path(folder) / f"{module.name}.py")
        for folder in hpa.commands.__path__
        for module in pkgutil.iter_modules([folder])
    }


def _help_line(source: Path) -> str:
    """Return the string that a module's source assigns to HELP."""
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="HELP")], value=ast.Constant(value=str(text)))
                | ast.AnnAssign(target=ast.Name(id="HELP"), value=ast.Constant(value=str(text)))
            ):
                return text
    raise TypeError(f"{source}: a command module needs HELP = '…', a plain string at the top level")


def _import_command(name: str) -> Command:
    source = next((source for source, command in _NAME_OF.items() if command == name), name.replace("-", "_"))
    module: ModuleType = importlib.import_module(f"hpa.commands.{source}")
    return cast(Command, module)


if __name__ == "__main__":
    sys.exit(main())

"""The command line: the table of commands, and the one place where errors become exit codes.

stdout is data, stderr is talk. Exit codes: 0, 1 (a check failed), 2 (the user's mistake).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import typer

from graphwright import __version__
from graphwright.compiler.places import SpecError

#: Every command and where its function lives; imported when it is called, so that `--help` is quick.
COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("graphwright.commands.checking", "check"),
    "show": ("graphwright.commands.showing", "show"),
    "graph": ("graphwright.commands.graphing", "graph"),
    "explore": ("graphwright.commands.exploring", "explore"),
    "serve": ("graphwright.commands.exploring", "serve"),
    "compile": ("graphwright.commands.building", "compile"),
    "bench": ("graphwright.commands.benching", "bench"),
    "train": ("graphwright.commands.training", "train"),
    "evaluate": ("graphwright.commands.training", "evaluate"),
    "predict": ("graphwright.commands.training", "predict"),
    "export": ("graphwright.commands.building", "export"),
    "import": ("graphwright.commands.importing", "import_"),
    "analyze": ("graphwright.commands.analyzing", "analyze"),
    "diff": ("graphwright.commands.comparing", "diff"),
    "list": ("graphwright.commands.listing", "list_"),
    "schema": ("graphwright.commands.listing", "schema"),
    "init": ("graphwright.commands.starting", "init"),
    "doctor": ("graphwright.commands.doctoring", "doctor"),
}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"graphwright {__version__}")
        raise typer.Exit


def _start(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    plugin: list[str] = typer.Option([], "--plugin", help="A Python package of yours with more ops."),
) -> None:
    """Architectures as YAML graph specs: checked, drawn, compiled and trained."""
    from graphwright.compiler.ops import plug_in

    plug_in(plugin)


def app(only: str | None = None) -> typer.Typer:
    """The application; with `only`, just the command that is about to run is imported."""
    made = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None,
                       pretty_exceptions_enable=False)  # fmt: skip
    made.callback()(_start)
    for name, (module, function) in COMMANDS.items():
        if only in (None, name):
            command: Callable[..., Any] = getattr(importlib.import_module(module), function)
            made.command(name)(command)
    return made


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminated)
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    command = words[0] if words and words[0] in COMMANDS else None
    wants_plugin = "--plugin" in sys.argv
    try:
        code = app(None if wants_plugin else command)(standalone_mode=False)
        if code == 130:
            print("stopped; a training run goes on with --resume", file=sys.stderr)
        sys.exit(code if isinstance(code, int) else 0)
    except SpecError as error:
        _print_problems(error)
        sys.exit(2)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("stopped; a training run goes on with --resume", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if not _is_usage(error):
            raise
        error.show()  # type: ignore[attr-defined]
        sys.exit(2)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is said and tidied: exit hooks must not raise SystemExit


def _terminated(*_: Any) -> None:
    """Ends as an error does, so that temporary files go; another signal meanwhile ends it at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.write(2, b"stopped; a training run goes on with --resume\n")  # a print that it came amidst allows no other
    sys.exit(128 + signal.SIGTERM)


def _is_usage(error: Exception) -> bool:
    """Whether this is the argument parser's own complaint (its class moves between versions of typer and click)."""
    return any(cls.__name__ == "ClickException" for cls in type(error).__mro__)


def _print_problems(error: SpecError) -> None:
    if "--json" in sys.argv:
        import json

        print(json.dumps([p.as_dict() for p in error.problems], indent=1))
    print(error.render(), file=sys.stderr)

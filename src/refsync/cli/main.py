"""The command line: `refsync COMMAND`. Exit codes: 0 fine, 1 something is not as it should be, 2 could not run."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from refsync import process
from refsync.cli import approve, check, coverage, daemon, demo, holdout, init, pause, plan, sandbox, status, story, sync, why
from refsync.cli.rules import commands as rules
from refsync.cli.screen import dump, err, show_problems
from refsync.errors import Problem, RefsyncError, UserError
from refsync.log import clean
from refsync.sync.retry import Stopped

app = typer.Typer(
    name="refsync",
    help="Finds neglected customers and earned referrals in your CRM, and writes the tasks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(init.init)
app.command()(check.check)
app.command()(sync.sync)
app.command()(plan.plan)
app.command()(plan.apply)
app.command()(plan.undo)
app.command()(approve.approve)
app.command()(pause.pause)
app.command()(pause.resume)
app.command()(daemon.daemon)
app.command()(why.why)
app.command()(status.status)
app.command("history")(story.tell)
app.command()(story.orphans)
app.command()(coverage.coverage)
app.command()(holdout.holdout)
app.command()(demo.demo)
app.command()(sandbox.sandbox)
app.add_typer(rules.app, name="rules")


def main() -> None:
    """Run a command and end the process with its exit code: the one place that maps errors to codes."""
    process.settle()
    try:
        app()
    except UserError as error:
        _end(error.problems)
    except Stopped:
        err.print("stopped; what was stored stays, the next run goes on from there")
        sys.exit(2)
    except RefsyncError as error:
        _end([Problem(message=clean(str(error)))])
    except OSError as error:
        _end([Problem(message=f"{error.filename or 'the system'}: {error.strerror or error}")])
    except Exception:  # noqa: BLE001 - the last resort: a defect is called one, and its trace shows no secret
        err.print(clean(traceback.format_exc()))
        _end([Problem(message="this is a defect of refsync", hint="please report it with the lines above")])


def _end(problems: Sequence[Problem]) -> NoReturn:
    """Show why the command could not run, with `--json` as JSON too, and end the process."""
    if "--json" in sys.argv[1:]:
        dump({"problems": [problem.as_json() for problem in problems], "errors": len(problems)})
    show_problems(problems)
    sys.exit(2)

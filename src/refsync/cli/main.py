"""The command line: `refsync COMMAND`. Exit codes: 0 fine, 1 something is not as it should be, 2 could not run."""

from __future__ import annotations

import sys

import typer

from refsync.cli import check, daemon, demo, init, rules, sandbox, status, sync, why
from refsync.cli.screen import err, show_problems
from refsync.errors import RefsyncError, UserError
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
app.command()(daemon.daemon)
app.command()(why.why)
app.command()(status.status)
app.command()(demo.demo)
app.command()(sandbox.sandbox)
app.add_typer(rules.app, name="rules")


def main() -> None:
    """Run a command and end the process with its exit code: the one place that maps errors to codes."""
    try:
        app()
    except UserError as error:
        show_problems(error.problems)
        sys.exit(2)
    except Stopped:
        err.print("stopped; what was stored stays, the next run goes on from there")
        sys.exit(2)
    except RefsyncError as error:
        err.print(f"error: {clean(str(error))}", style="red")
        sys.exit(2)

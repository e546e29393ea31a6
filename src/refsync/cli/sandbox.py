"""`refsync sandbox`: the stand-in CRM, to try things on."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from refsync.cli.screen import err
from refsync.cli.workspace import parse_now
from refsync.model import moment


def sandbox(
    crm: Annotated[Literal["salesforce", "hubspot"], typer.Option("--crm", help="Which CRM to stand in for.")] = "salesforce",
    book: Annotated[Path | None, typer.Option("--book", help="A folder of CSV files; without one a book is generated.")] = None,
    accounts: Annotated[int, typer.Option("--accounts", min=1, help="How many accounts to generate.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="The seed of the generated book.")] = 7,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 0,
    now: Annotated[str | None, typer.Option("--now", help="What the CRM takes for the present; it runs on from there.")] = None,
) -> None:
    """Serve a stand-in CRM on loopback until it is told to end. Prints its address as a line of JSON."""
    at = moment(parse_now(now))
    if book is None:
        from refsync_sandbox.generator import write_book  # here: no other command should wait for it

        book = Path(tempfile.mkdtemp(prefix="refsync-book-"))
        err.print(f"writing a book of {accounts:,} accounts to {book}", markup=False)
        write_book(book, accounts=accounts, seed=seed, now=at)
    command = [sys.executable, "-m", "refsync_sandbox", "--crm", crm, "--port", str(port), "--book", str(book)]
    command += ["--now", at.isoformat()] if now else []
    os.execv(sys.executable, command)  # noqa: S606 - our own module, with checked options

"""`python -m refsync_sandbox`: serve a book as a CRM, or generate a book.

Serving prints one JSON line `{"url", "crm", "pid"}` when it accepts connections, and ends on SIGTERM with exit code 0.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson

from refsync.book import Book
from refsync.errors import UserError
from refsync.model import moment, parse_instant
from refsync_sandbox.clock import Clock
from refsync_sandbox.crm import Crm
from refsync_sandbox.journal import Journal
from refsync_sandbox.server import Tls, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code (2 when something has to be fixed)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["generate"]:
            return _generate(_generate_options().parse_args(given[1:]))
        return _serve(_serve_options().parse_args(given))
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _when(text: str) -> datetime:
    return moment(parse_instant(text))


def _serve_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m refsync_sandbox", description="Serve a book of business as a CRM on loopback."
    )
    options.add_argument("--crm", choices=("salesforce", "hubspot"), required=True)
    options.add_argument("--book", type=Path, required=True, help="folder of CSV files")
    options.add_argument("--host", default="127.0.0.1", help="a loopback address")
    options.add_argument("--port", type=int, default=0, help="0 picks a free one")
    options.add_argument("--now", type=_when, default=None, help="what the CRM's clock says at the start; default: the real time")
    options.add_argument("--journal", type=Path, default=None, help="keep writes in this file and replay them at the next start")
    options.add_argument("--certificate", type=Path, default=None, help="PEM file: serve https with it (needs --key)")
    options.add_argument("--key", type=Path, default=None, help="PEM file: the certificate's private key")
    options.add_argument("--client-id", default=None, help="Salesforce: the consumer key that may sign in")
    options.add_argument("--client-secret", default=None, help="Salesforce: its secret")
    options.add_argument("--access-token", default=None, help="Salesforce: a token that is accepted for ever")
    options.add_argument("--public-key", type=Path, default=None, help="Salesforce: PEM file that verifies JWT sign-ins")
    options.add_argument("--token", default=None, help="HubSpot: the bearer token that is accepted")
    return options


def _serve(options: argparse.Namespace) -> int:
    clock = Clock(options.now)
    crm = _crm(options, clock)
    journal = Journal(options.journal) if options.journal else None

    def ready(url: str) -> None:
        sys.stdout.write(orjson.dumps({"url": url, "crm": crm.name, "pid": os.getpid()}).decode() + "\n")
        sys.stdout.flush()

    serve(crm, clock, host=options.host, port=options.port, journal=journal, tls=_tls(options), ready=ready)
    return 0


def _tls(options: argparse.Namespace) -> Tls | None:
    if (options.certificate is None) != (options.key is None):
        raise UserError("https needs both --certificate and --key")
    return (options.certificate, options.key) if options.certificate else None


def _crm(options: argparse.Namespace, clock: Clock) -> Crm:
    book = Book.open(options.book)
    if options.crm == "hubspot":
        from refsync_sandbox.hubspot import HubSpot

        return HubSpot.load(book, clock, token=options.token)
    from refsync_sandbox.salesforce import Salesforce, Secrets

    names = ("client_id", "client_secret", "access_token")
    given = {name: getattr(options, name) for name in names}
    secrets = Secrets(**{name: value for name, value in given.items() if value})
    if options.public_key:
        secrets = secrets.trusting(_text(options.public_key))
    return Salesforce.load(book, clock, secrets)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from None


def _generate_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m refsync_sandbox generate", description="Write a believable book of business."
    )
    options.add_argument("--accounts", type=int, required=True)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--now", type=_when, required=True)
    options.add_argument("folder", type=Path)
    return options


def _generate(options: argparse.Namespace) -> int:
    from refsync_sandbox.generator import write_book

    write_book(options.folder, accounts=options.accounts, seed=options.seed, now=options.now)
    return 0


if __name__ == "__main__":
    sys.exit(main())

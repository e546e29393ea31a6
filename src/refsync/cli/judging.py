"""What commands that only judge look into: the configured store as it is, or a book of CSV files read into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from refsync import config as configuration
from refsync.bundled import bundled
from refsync.cli.screen import Report, progress, show_book
from refsync.connector import ConnectionSettings
from refsync.errors import UserError
from refsync.model import Instant
from refsync.registry import connect
from refsync.rules.rule import RuleSet
from refsync.store.engine import Store, open_store
from refsync.sync.tick import tick

BookOption = Annotated[Path | None, typer.Option("--book", help="Judge a folder of CSV files instead of the configured CRM.")]


def rules_folder(rules: Path | None, book: Path | None, config: Path) -> Path:
    """Return the folder of rules: the one asked for, else the configured one; for a book alone the shipped rules."""
    return rules or (bundled("rules") if book else configuration.load(config).rules)


@contextmanager
def stores(
    book: Path | None, config: Path, connection: str | None, rules: RuleSet, now: Instant, *, quiet: bool
) -> Iterator[list[tuple[str, Store]]]:
    """Give the stores to look into, each with the connection's name. Raises UserError, StoreError."""
    if book is None:
        settings = configuration.load(config)
        chosen = (settings.connection(connection),) if connection else settings.connections
        with open_store(settings.store, read_only=True) as store:
            yield [(one.name, store) for one in chosen]
        return
    if connection:
        raise UserError("--connection and --book exclude each other")
    with open_store("sqlite://") as store, progress(quiet=quiet) as show:
        _read_book(store, book, rules, now, show)
        yield [("book", store)]


def _read_book(store: Store, book: Path, rules: RuleSet, now: Instant, show: Report) -> None:
    show_book(book)
    connector = connect("files", ConnectionSettings(id="book", options={"folder": str(book.resolve())}))
    tick(store, "book", "files", connector, rules, now=now, dry_run=True, progress=show)

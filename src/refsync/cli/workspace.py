"""What a command works with: the configuration, the rules, the store and the sessions of its connections."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from refsync import config
from refsync.errors import ConfigError, Problem, UserError
from refsync.model import Instant, instant
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store.engine import Store, open_store
from refsync.sync.session import Session

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The configuration.", envvar="REFSYNC_CONFIG")]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="A folder of rules instead of the configured one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for machines.")]
NowOption = Annotated[str | None, typer.Option("--now", help="Judge as if it were this instant, such as 2026-11-20T09:00Z.")]
ConnectionOption = Annotated[str | None, typer.Option("--connection", help="Only this connection.")]
DEFAULT_CONFIG = Path("config.toml")


@dataclass(frozen=True, slots=True)
class Workspace:
    settings: config.Settings
    rules: RuleSet

    def connections(self, name: str | None) -> tuple[config.Connection, ...]:
        """Return the connection of that name, or all. Raises ConfigError."""
        return (self.settings.connection(name),) if name else self.settings.connections

    def session(self, connection: config.Connection, store: Store, stop: threading.Event | None = None) -> Session:
        return Session(connection, store, lambda: self.rules, stop)

    @contextmanager
    def store(self, *, read_only: bool = False, beside: bool = False) -> Iterator[Store]:
        with open_store(self.settings.store, read_only=read_only, beside=beside) as store:
            yield store


def open_workspace(path: Path, rules: Path | None = None, *, modes_live: bool = False) -> Workspace:
    """Return the workspace of a config.toml. Raises ConfigError and RuleError with every problem."""
    settings = config.load(path)
    return Workspace(settings=settings, rules=load(rules or settings.rules, modes_live=modes_live))


def check_options(sessions: Iterable[Session], rules: RuleSet) -> None:
    """Raise ConfigError with what is wrong in the options of all connections, before anything begins."""
    problems: list[Problem] = []
    for session in sessions:
        try:
            session.connector(rules)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def parse_now(text: str | None) -> Instant:
    """Return the instant that `--now` names, or the present one; without an offset it is UTC. Raises UserError."""
    if text is None:
        return instant(datetime.now(UTC))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f'--now "{text}" is no instant such as 2026-11-20T09:00Z') from None
    if not 1900 < found.year < 9000:  # beyond, a hundred years more or less would be no date
        raise UserError(f"--now {text}: the year must be between 1900 and 9000")
    return instant(found if found.tzinfo else found.replace(tzinfo=UTC))

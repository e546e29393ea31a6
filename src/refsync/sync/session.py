"""A connection between its ticks: the connector that stays signed in, and the guard that keeps its trouble its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from refsync.company import custom_fields
from refsync.config import Connection
from refsync.connector import Connector
from refsync.errors import AuthError, ConnectorError, StoreError, UserError
from refsync.model import Instant, Stream, moment
from refsync.registry import connect
from refsync.rules.rule import RuleSet
from refsync.store import runs
from refsync.store.budget import StoreMeter
from refsync.store.engine import Store
from refsync.sync.retry import Stopped
from refsync.sync.tick import AlreadyRunning, Report, ticked
from refsync.sync.turn import Turn

log = structlog.get_logger()


class Session:
    """Runs ticks of one connection. Used by one thread at a time."""

    def __init__(
        self, connection: Connection, store: Store, rules: Callable[[], RuleSet], stop: threading.Event | None = None
    ) -> None:
        self.connection = connection
        self._store = store
        self._rules = rules
        self._stop = stop or threading.Event()
        self._connector: Connector | None = None
        self._fields: Mapping[Stream, frozenset[str]] = {}
        self._kept: dict[str, Any] = {}

    def connector(self, rules: RuleSet) -> Connector:
        """Return the signed-in connector, made anew when the rules read other CRM fields. Raises ConfigError."""
        fields = custom_fields(rules.company, self.connection.connector)
        if self._connector is None or fields != self._fields:
            self.close()
            meter = StoreMeter(self._store, self.connection.name)
            settings = replace(self.connection.settings(fields), meter=meter, kept=self._kept)
            self._connector = connect(self.connection.connector, settings)
            self._fields = fields
        return self._connector

    def tick(self, *, now: Instant | None = None, **options: Any) -> Report:
        """Run one tick; `options` are those of `sync.tick.tick`. Errors come out."""
        kinds = {name: options.pop(name) for name in ("dry_run", "approved") if name in options}
        return ticked(self.turn(now=now, **options), **kinds)

    def turn(self, *, now: Instant | None = None, **options: Any) -> Turn:
        """Return what a run of this connection needs; `options` are those of `sync.turn.Turn`."""
        rules = self._rules()
        given = {name: option for name, option in options.items() if option is not None}
        return Turn(
            store=self._store,
            connection=self.connection.name,
            connector_name=self.connection.connector,
            connector=self.connector(rules),
            rules=rules,
            now=now if now is not None else time.time_ns() // 1_000_000,
            stop=self._stop,
            **given,
        )

    def guarded_tick(self) -> None:
        """Run one tick and log what goes wrong: the only place that catches everything."""
        with structlog.contextvars.bound_contextvars(connection=self.connection.name):
            try:
                self.tick()
            except Stopped:
                log.info("tick_stopped")
            except AlreadyRunning:
                log.warning("tick_skipped", reason="another process runs this connection")
            except AuthError as error:
                self.close()  # sign in anew next time
                log.error("sign_in_failed", error=str(error))
            except (ConnectorError, StoreError) as error:
                log.error("tick_failed", error=str(error), kind=type(error).__name__)
            except UserError as error:
                log.error("to_be_fixed", problems=[str(problem) for problem in error.problems])
            except Exception:
                self.close()
                log.exception("tick_crashed")

    def last_success(self) -> datetime | None:
        """Return when the latest tick that came to its end began."""
        with self._store.read() as db:
            run = runs.last_success(db, self.connection.name)
        return moment(run.began_at) if run else None

    def close(self) -> None:
        if self._connector is not None:
            self._connector.close()
            self._connector = None

"""`refsync daemon`: runs until it is told to end, and ticks each connection on its schedule."""

from __future__ import annotations

import threading

import typer

from refsync import daemon as service
from refsync import log
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, check_options, open_workspace
from refsync.sync.rulebook import Rulebook
from refsync.sync.session import Session


def daemon(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Sync every connection on its schedule, until SIGTERM. Logs are JSON lines on standard error."""
    workspace = open_workspace(config)
    log.configure(workspace.settings.log_level)
    stop = threading.Event()
    rulebook = Rulebook(workspace.settings.rules)
    with workspace.store() as store:
        sessions = [Session(connection, store, rulebook, stop) for connection in workspace.settings.connections]
        check_options(sessions, rulebook())
        jobs = [
            service.Job(
                name=session.connection.name,
                every=session.connection.every,
                tick=session.guarded_tick,
                last_success=session.last_success,
            )
            for session in sessions
        ]
        code = service.run(jobs, stop)
    raise typer.Exit(code)

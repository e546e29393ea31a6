"""Finds connectors: each is an entry point of the group `refsync.connectors` that names its `connect` function."""

from __future__ import annotations

from importlib.metadata import entry_points

from refsync.connector import Connect, ConnectionSettings, Connector
from refsync.errors import ConfigError, Place, Problem, did_you_mean

GROUP = "refsync.connectors"


def connectors() -> tuple[str, ...]:
    """Return the names of all installed connectors, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def unknown_connector(name: str, place: Place | None) -> Problem | None:
    """Return the problem with a connector's name, or None when it is installed."""
    if name in connectors():
        return None
    hint = did_you_mean(name, connectors()) or f"installed: {', '.join(connectors())}"
    return Problem(message=f'there is no connector "{name}"', hint=hint, place=place)


def connect(connector: str, settings: ConnectionSettings) -> Connector:
    """Return the connector of a connection, checked but not yet signed in. Raises ConfigError."""
    if problem := unknown_connector(connector, settings.place(("connector",))):
        raise ConfigError(problem)
    (point,) = entry_points(group=GROUP, name=connector)
    make: Connect = point.load()
    return make(settings)

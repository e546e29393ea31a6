"""config.toml as values. Secrets stand in it by reference only; every problem is reported at once, with its place."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from refsync.connector import ConnectionSettings, Secret
from refsync.errors import ConfigError, Place, Problem, did_you_mean, shown
from refsync.model import Stream
from refsync.registry import unknown_connector
from refsync.toml_source import TomlSource

SECRET_SOURCES = ("env", "file", "credential", "keyring")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LONGEST = 366 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is kept: a systemd credential, a file only its owner can read, the keyring or the environment."""

    source: str
    name: str
    base: Path

    def secret(self) -> Secret:
        """Return the secret. Raises ValueError saying what is missing; the text never shows the secret."""
        match self.source:
            case "env":
                if not os.environ.get(self.name):
                    raise ValueError(f"the environment variable {self.name} is not set")
                return Secret(os.environ[self.name])
            case "credential":
                folder = os.environ.get("CREDENTIALS_DIRECTORY")
                if folder is None:
                    raise ValueError("CREDENTIALS_DIRECTORY is not set: credentials exist only under systemd")
                return Secret(_text(Path(folder) / self.name))
            case "file":
                path = self.base / Path(self.name).expanduser()
                if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise ValueError(f"{shown(path)} can be read by others; make it yours alone: chmod 400 {shown(path)}")
                return Secret(_text(path))
            case _:
                return Secret(_from_keyring(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One `[connection.NAME]` of config.toml."""

    name: str
    connector: str
    every: float
    """Seconds between two ticks."""
    options: Mapping[str, Any]
    """The connector's own keys; a secret is a `SecretReference`."""
    base: Path
    place: Callable[[tuple[str, ...]], Place | None] = field(compare=False)

    def settings(self, custom_fields: Mapping[Stream, frozenset[str]]) -> ConnectionSettings:
        """Return what the connector is told, with its secrets fetched. Raises ConfigError for each that is missing."""
        settings, problems = self.examined(custom_fields)
        if problems:
            raise ConfigError(problems)
        return settings

    def examined(self, custom_fields: Mapping[Stream, frozenset[str]]) -> tuple[ConnectionSettings, list[Problem]]:
        """Return what the connector is told, an empty secret in place of each that cannot be fetched, and why it cannot."""
        problems: list[Problem] = []
        options = {key: self._revealed(value, (key,), problems) for key, value in self.options.items()}
        settings = ConnectionSettings(
            id=self.name, options=options, custom_fields=custom_fields, base=self.base, place=self.place
        )
        return settings, problems

    def _revealed(self, value: Any, path: tuple[str, ...], problems: list[Problem]) -> Any:
        if not isinstance(value, SecretReference):
            return value
        try:
            return value.secret()
        except ValueError as error:
            problems.append(Problem(message=f"{'.'.join(path)}: {error}", place=self.place(path)))
            return Secret("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The content of config.toml."""

    path: Path
    store: str
    """A SQLAlchemy URL."""
    rules: Path
    log_level: str
    connections: tuple[Connection, ...]

    def connection(self, name: str) -> Connection:
        """Return the connection of that name. Raises ConfigError when there is none."""
        for connection in self.connections:
            if connection.name == name:
                return connection
        known = [connection.name for connection in self.connections]
        hint = did_you_mean(name, known) or f"connections: {', '.join(known)}"
        raise ConfigError(Problem(message=f'there is no connection "{name}"', hint=hint, place=Place(shown(self.path))))


def load(path: Path) -> Settings:
    """Return the settings of a config.toml. Raises ConfigError with every problem."""
    if not path.exists():
        raise ConfigError(Problem(message="there is no such file", hint="refsync init makes one", place=Place(shown(path))))
    source = TomlSource.read(path)
    base = path.resolve().parent
    problems = list(_unknown_connectors(source))
    try:
        content = _File.model_validate(source.data)
    except ValidationError as error:
        problems += (_problem(source, dict(found)) for found in error.errors())
        raise ConfigError(sorted(problems, key=lambda problem: problem.place or Place(""))) from None
    if not content.connection:
        problems.append(Problem(message="there is no [connection.NAME]", hint="add one for your CRM", place=Place(shown(path))))
    if problems:
        raise ConfigError(problems)
    connections = tuple(_connection(name, table, source, base) for name, table in content.connection.items())
    return Settings(
        path=path,
        store=_store_url(content.store, base),
        rules=base / Path(content.rules).expanduser(),
        log_level=content.log_level,
        connections=connections,
    )


def _seconds(text: object) -> float:
    match text:
        case bool():
            pass
        case int() | float() if 0 < text <= LONGEST:
            return float(text)
        case str() if found := re.fullmatch(r"(\d{1,9}) (second|minute|hour|day)s?", text.strip()):
            if 0 < (seconds := float(int(found[1]) * SECONDS[found[2]])) <= LONGEST:
                return seconds
        case _:
            pass
    raise ValueError('say it like "15 minutes", "20 seconds" or "1 hour", at most 366 days')


def _known_store(text: object) -> object:
    if isinstance(text, str) and "://" in text and not re.match(r"(sqlite|postgresql)(\+\w+)?://", text):
        raise ValueError("only a file, sqlite:///path/to/file.db or postgresql://user@host/database can be the store")
    if isinstance(text, str) and re.match(r"[^:]+://[^/@]*:[^/@]*@", text):
        raise ValueError("a password must not stand in this file: keep it in ~/.pgpass or the file that PGPASSFILE names")
    return text


class _ConnectionTable(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    connector: str
    every: Annotated[float, BeforeValidator(_seconds)] = 900.0


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    store: Annotated[str, BeforeValidator(_known_store)] = "refsync.db"
    rules: str = "rules"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    connection: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], _ConnectionTable] = {}


def _unknown_connectors(source: TomlSource) -> Iterator[Problem]:
    connections = source.data.get("connection")
    for name, table in connections.items() if isinstance(connections, dict) else ():
        connector = table.get("connector") if isinstance(table, dict) else None
        if isinstance(connector, str):
            place = source.place(("connection", name, "connector"))
            if problem := unknown_connector(connector, place):
                yield problem


def _connection(name: str, table: _ConnectionTable, source: TomlSource, base: Path) -> Connection:
    def place(path: tuple[str, ...]) -> Place | None:
        return source.place(("connection", name, *path))

    extra = table.__pydantic_extra__ or {}
    options = {key: _reference(value, base) for key, value in extra.items()}
    return Connection(name=name, connector=table.connector, every=table.every, options=options, base=base, place=place)


def _reference(value: Any, base: Path) -> Any:
    match value:
        case dict() if len(value) == 1 and (source := next(iter(value))) in SECRET_SOURCES:
            name = value[source]
            if isinstance(name, str):
                return SecretReference(source=source, name=name, base=base)
    return value


def _problem(source: TomlSource, found: Mapping[str, Any]) -> Problem:
    path = tuple(str(step) for step in found["loc"])
    place = source.place(path, "key" if found["type"] == "extra_forbidden" else "value")
    name = ".".join(path)
    match found["type"]:
        case "extra_forbidden":
            hint = did_you_mean(path[-1], _known_keys(path))
            return Problem(message=f'there is no setting "{name}"', hint=hint, place=place)
        case "missing":
            written = did_you_mean(path[-1], found["input"]) if isinstance(found["input"], dict) else ""
            return Problem(message=f'"{name}" is missing', hint=written.replace("did you mean", "is it written"), place=place)
        case "string_pattern_mismatch":
            message = f'"{path[1]}" is no name for a connection: use letters, digits, - and _'
            return Problem(message=message, place=place)
        case "dict_type" | "model_type" | "model_attributes_type":
            hint = "write [connection.NAME] above the settings of a connection"
            return Problem(message=f"{name} must be a table", hint=hint, place=place)
        case "string_type":
            return Problem(message=f"{name} must be a text", hint="put it in quotes", place=place)
        case "literal_error":
            choices = found["ctx"]["expected"].replace("'", "")
            return Problem(message=f"{name} is never {found['input']!r}", hint=f"one of: {choices}", place=place)
        case _:
            return Problem(message=f"{name}: {found['msg'].removeprefix('Value error, ')}", place=place)


def _known_keys(path: tuple[str, ...]) -> Iterable[str]:
    return _File.model_fields if len(path) == 1 else _ConnectionTable.model_fields


def _store_url(text: str, base: Path) -> str:
    if "://" not in text:
        return f"sqlite:///{base / Path(text).expanduser()}"
    if text.startswith("postgresql://"):  # SQLAlchemy 2.0 and 2.1 take different drivers for it
        return "postgresql+psycopg" + text.removeprefix("postgresql")
    return text


def _text(path: Path) -> str:
    """Return the content of a secret's file. Raises ValueError, which quotes nothing of it."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{shown(path)} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{shown(path)} is not UTF-8 text") from None
    if not text.strip():
        raise ValueError(f"{shown(path)} is empty")
    return text


def _from_keyring(name: str) -> str:
    try:
        import keyring
    except ImportError:
        raise ValueError('the keyring needs a package that is not installed: pip install "keyring"') from None
    service, _, user = name.partition("/")
    found = keyring.get_password(service, user or "refsync")
    if found is None:
        raise ValueError(f'the keyring holds nothing for "{name}"')
    return str(found)

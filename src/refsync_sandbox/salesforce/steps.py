"""What an admin, the platform or the org's history can be asked to do to the org, through `POST /_sandbox/org`.

Law: a step is read and found good before any of its request is carried out; it is named by `do`, and a word that is not known is
refused with the nearest that is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from refsync.errors import did_you_mean
from refsync_sandbox.salesforce.schema import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strict:
    __pydantic_config__ = ConfigDict(extra="forbid")  # read by pydantic


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfObject(_Strict):
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfField(_OfObject):
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfRecord(_Strict):
    id: str
    table: str = ""
    """The book table of the id, when it is a book id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HideField(_OfField):
    """Field permissions hide a field from the integration user, or it is removed: no API shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowField(_OfField):
    """The field can be seen again, with what it holds; no stamp has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HideObject(_OfObject):
    """An object is not there for us, such as TaskRelation where Shared Activities is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowObject(_OfObject):
    """The object can be seen again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDeleted(_OfObject):
    """queryAll shows the deleted rows of an object: of TaskRelation and EventRelation nobody documents whether it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddField(_OfField):
    """An object gets a new custom field, empty in every record."""

    type: Kind = Kind.STRING
    length: int = 255
    calculated: bool = False
    """A formula: nobody can write it, `set` gives it values, and no stamp moves."""
    filterable: bool = True
    unique: bool = False
    """A unique, case-sensitive external id."""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterField(_OfField):
    """A field becomes another; what is not given stays as it is."""

    required: bool | None = None
    calculated: bool | None = None
    filterable: bool | None = None
    createable: bool | None = None
    updateable: bool | None = None
    unique: bool | None = None
    values: tuple[str, ...] | None = None
    """The only values a pick list takes from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(_OfRecord):
    """A record's fields hold other values, and no stamp moves: as formulas and roll-ups change."""

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp(_OfObject):
    """All records of an object that meet a SOQL condition carry one stamp, whenever they were written."""

    at: str
    where: str = "Id != null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness(_Strict):
    """From now on a record is stamped so much earlier than it appears, as by transactions that commit late."""

    seconds: float
    seed: int | None = None
    """With a seed: by chance up to so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRule(_OfObject):
    """A validation rule: a record that meets the SOQL condition is refused with the message."""

    when: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRules(_OfObject):
    """The validation rules of an object are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock(_OfRecord):
    """Writes to a record, or to one that points at it, find it locked: so many times, or until it is unlocked."""

    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock(_OfRecord):
    """A record can be written again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelete(_OfRecord):
    """A record comes out of the recycle bin, with what was deleted along with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge(_OfRecord):
    """A record is removed for good, deleted or not: no query shows it, getDeleted tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyBin(_Strict):
    """What is deleted is removed for good: of one object, or of all."""

    object: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(_Strict):
    """The org's daily limit of calls, and how many of it are used already, by us or by others."""

    most: int | None = None
    used: int | None = None
    app: str | None = None
    """The name of our connected app, whose own share is then told in `Sforce-Limit-Info`; empty to stop telling it."""
    most_of_app: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJobs(_Strict):
    """How often a Bulk job says InProgress before it is complete."""

    polls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages(_Strict):
    """How many rows a page of a query has at most."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationLog(_Strict):
    """How getUpdated and getDeleted behave."""

    behind_seconds: float = 0
    """How far `latestDateCovered` lags."""
    most_ids: int = 600_000
    log_begins: str | None = None
    """Deletions before this are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSessions(_Strict):
    """Every token given so far is invalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireLocators(_Strict):
    """Every query locator given so far is gone."""


Step: TypeAlias = (
    HideField
    | ShowField
    | HideObject
    | ShowObject
    | ShowDeleted
    | AddField
    | AlterField
    | Set
    | Stamp
    | Lateness
    | AddRule
    | DropRules
    | Lock
    | Unlock
    | Undelete
    | Purge
    | EmptyBin
    | Limit
    | BulkJobs
    | Pages
    | ReplicationLog
    | EndSessions
    | ExpireLocators
)

STEPS: Mapping[str, type[Step]] = MappingProxyType(
    {re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(Step)}
)
"""The steps by the word that `do` names them with."""


class BadStep(ValueError):
    """A step that cannot be carried out; the message says which, and what is wrong."""


def read_steps(body: object) -> list[Step]:
    """Return the steps of a request body `{"steps": [{"do": "hide_field", ...}]}`. Raises BadStep."""
    listed = body.get("steps") if isinstance(body, dict) else None
    if not isinstance(listed, list) or not all(isinstance(given, dict) for given in listed):
        raise BadStep('{"steps": [{"do": "hide_field", "object": "Task", "field": "CallType"}]} is needed')
    return [_read(number, given) for number, given in enumerate(listed)]


def _read(number: int, given: Mapping[str, Any]) -> Step:
    word = given.get("do")
    kind = STEPS.get(word) if isinstance(word, str) else None
    if kind is None:
        hint = did_you_mean(str(word), STEPS) or f"one of {', '.join(STEPS)} is needed"
        raise BadStep(f"steps[{number}].do: {word!r} is not known; {hint}")
    try:
        return TypeAdapter(kind).validate_python({name: value for name, value in given.items() if name != "do"})
    except ValidationError as error:
        found = error.errors()[0]
        name = ".".join(map(str, found["loc"]))
        hint = did_you_mean(name, [one.name for one in fields(kind)])
        raise BadStep(f"steps[{number}].{name}: {found['msg']}{f'; {hint}' if hint else ''}") from None

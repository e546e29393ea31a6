"""Changes in book terms, as `POST /_sandbox/records` takes them.

Law: what is read here has known tables, operations and well-formed values, or is refused by index and field; whether a record
exists is for the CRM side to say. Unknown columns of a row are kept as text: they may be custom fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from refsync.errors import did_you_mean
from refsync.model import (
    RECORD_OF,
    AccountStatus,
    ActivityKind,
    ActivityStatus,
    DealStatus,
    Direction,
    IntroductionStatus,
    Record,
    Stream,
    parse_instant,
)

TASKS = "tasks"
"""The table of the CRM's tasks as reps see them; its rows are named by refsync's key or by CRM id."""


class Op(StrEnum):
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change a person makes."""

    index: int
    op: Op
    table: str
    """A book table, or `tasks`."""
    id: str = ""
    """The record's book id or CRM id; for `add` the new book id, which may be empty; for `merge` the one that goes."""
    key: str = ""
    """refsync's key, for `tasks` named by it."""
    into: str = ""
    """For `merge`: the survivor's book id or CRM id."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Book columns, read: instants are integers, `contact_ids` a tuple, an empty cell None; custom columns are text."""

    def bad(self, field: str, message: str) -> BadChange:
        """Return the refusal of this change for `field`."""
        return BadChange(self.index, field, message)

    def record(self, id: str) -> Record:  # noqa: A002 - the model's own word
        """Return the record that this `add` describes, under the given id. Raises BadChange when a column is missing."""
        kind = RECORD_OF[Stream(self.table)]
        known = {name: value for name, value in self.values.items() if name in COLUMNS[self.table] and value is not None}
        custom = {name: value for name, value in self.values.items() if name not in COLUMNS[self.table] and value}
        fields: dict[str, Any] = known | ({"custom": custom} if custom else {})
        try:
            return kind(id=id, **fields)
        except TypeError as error:
            raise self.bad("row", str(error).replace(f"{kind.__name__}.__init__()", f"a row of {self.table}")) from None


class BadChange(Exception):
    """A change cannot be made as it is; nothing was changed."""

    def __init__(self, index: int, field: str, message: str) -> None:
        super().__init__(f"changes[{index}].{field}: {message}")
        self.index = index
        self.field = field
        self.message = message


AnyEnum = TypeVar("AnyEnum", bound=StrEnum)


def _one_of(kind: type[AnyEnum]) -> Callable[[str], AnyEnum]:
    def read(text: str) -> AnyEnum:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"one of {', '.join(kind)} is needed") from None

    return read


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false is needed")
    return text == "true"


def _ids(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


_COMPANY_COLUMNS: dict[str, Callable[[str], Any]] = {
    "name": str,
    "owner_id": str,
    "created_at": parse_instant,
    "do_not_contact": _truth,
}

_ABSENCE: dict[str, Callable[[str], Any]] = {"away_from": parse_instant, "away_until": parse_instant}

COLUMNS: Mapping[str, Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "users": {"name": str, "email": str, "active": _truth, "manager_id": str, "time_zone": str, **_ABSENCE},
        "accounts": _COMPANY_COLUMNS
        | {"parent_id": str, "status": _one_of(AccountStatus), "tier": str, "industry": str, "annual_revenue": float},
        "contacts": _COMPANY_COLUMNS | {"account_id": str, "email": str, "phone": str, "title": str},
        "deals": {
            "account_id": str,
            "name": str,
            "stage": str,
            "status": _one_of(DealStatus),
            "amount": float,
            "currency": str,
            "owner_id": str,
            "created_at": parse_instant,
            "closed_on": date.fromisoformat,
            "referred_by_contact_id": str,
        },
        "account_contacts": {"account_id": str, "contact_id": str, "role": str},
        "introductions": {
            "source_contact_id": str,
            "source_name": str,
            "person_name": str,
            "person_contact_id": str,
            "account_id": str,
            "deal_id": str,
            "owner_id": str,
            "status": _one_of(IntroductionStatus),
            "status_since": parse_instant,
            "made_at": parse_instant,
            "kind": str,
            "note": str,
        },
        "deal_contacts": {"deal_id": str, "contact_id": str, "role": str, "is_primary": _truth},
        "cases": {
            "account_id": str,
            "subject": str,
            "priority": str,
            "status": str,
            "escalated": _truth,
            "opened_at": parse_instant,
            "closed_at": parse_instant,
        },
        "activities": {
            "kind": _one_of(ActivityKind),
            "direction": _one_of(Direction),
            "at": parse_instant,
            "ended_at": parse_instant,
            "status": _one_of(ActivityStatus),
            "automated": _truth,
            "subject": str,
            "owner_id": str,
            "account_id": str,
            "deal_id": str,
            "contact_ids": _ids,
        },
        TASKS: {
            "status": str,
            "due_on": date.fromisoformat,
            "owner_id": str,
            "subject": str,
            "text": str,
            "priority": str,
        },
    }
)
"""The columns of each table and how to read a cell of them."""

_TASK_STATUSES = ("open", "done", "deferred")
_FIELDS: Mapping[Op, frozenset[str]] = MappingProxyType(
    {
        Op.ADD: frozenset({"op", "table", "row"}),
        Op.CHANGE: frozenset({"op", "table", "id", "key", "set"}),
        Op.DELETE: frozenset({"op", "table", "id", "key"}),
        Op.MERGE: frozenset({"op", "table", "id", "into"}),
    }
)


def read_changes(body: object) -> tuple[Change, ...]:
    """Return the changes of a request body `{"changes": [...]}`. Raises BadChange for the first that is malformed."""
    changes = body.get("changes") if isinstance(body, dict) else None
    if not isinstance(changes, list):
        raise BadChange(0, "changes", 'the body must be {"changes": [...]}')
    return tuple(_change(index, raw) for index, raw in enumerate(changes))


def _change(index: int, raw: object) -> Change:
    if not isinstance(raw, dict):
        raise BadChange(index, "", "a change is an object")
    op = _choice(index, "op", raw.get("op"), tuple(Op))
    table = _choice(index, "table", raw.get("table"), tuple(COLUMNS))
    for name in raw:
        if name not in _FIELDS[Op(op)]:
            raise BadChange(
                index, str(name), f'"{op}" does not take this; {did_you_mean(str(name), _FIELDS[Op(op)])}'.rstrip("; ")
            )
    if op == Op.MERGE and table not in ("accounts", "contacts"):
        raise BadChange(index, "table", "only accounts and contacts can be merged")
    if op == Op.ADD and table == TASKS:
        raise BadChange(index, "table", 'add a task as a row of "activities" with kind "task"')
    values = _values(index, op, table, raw)
    change = Change(
        index=index,
        op=Op(op),
        table=table,
        id=str(values.pop("id", "") or "") if op == Op.ADD else _text(index, raw, "id"),
        key=_text(index, raw, "key"),
        into=_text(index, raw, "into"),
        values=values,
    )
    if op != Op.ADD and not (change.id or (change.key and table == TASKS)):
        raise BadChange(index, "id", "which record? give its id" + (" or key" if table == TASKS else ""))
    if op == Op.MERGE and not change.into:
        raise BadChange(index, "into", "give the id of the survivor")
    return change


def _choice(index: int, field: str, given: object, known: Sequence[str]) -> str:
    if given in known:
        return str(given)
    hint = did_you_mean(str(given), known) or f"one of {', '.join(known)} is needed"
    raise BadChange(index, field, f"{given!r} is not known; {hint}")


def _text(index: int, raw: Mapping[str, object], field: str) -> str:
    given = raw.get(field, "")
    if not isinstance(given, str):
        raise BadChange(index, field, "a text is needed")
    return given


def _values(index: int, op: str, table: str, raw: Mapping[str, object]) -> dict[str, Any]:
    where = {Op.ADD: "row", Op.CHANGE: "set"}.get(Op(op))
    if where is None:
        return {}
    given = raw.get(where)
    if not isinstance(given, dict) or not given:
        raise BadChange(index, where, "an object of book columns is needed")
    return {str(name): _value(index, f"{where}.{name}", table, str(name), cell) for name, cell in given.items()}


def _value(index: int, where: str, table: str, name: str, cell: object) -> Any:
    read = COLUMNS[table].get(name)
    named = (table, name) == ("account_contacts", "id")
    if read is None and table in (TASKS, "account_contacts", "deal_contacts") and not named:
        raise BadChange(index, where, f"{table} has no such column; {did_you_mean(name, COLUMNS[table])}".rstrip("; "))
    text = _cell(cell)
    if text is None:
        raise BadChange(index, where, "a text, number, truth value or null is needed")
    if text == "":
        return () if name == "contact_ids" else None
    if table == TASKS and name == "status" and text not in _TASK_STATUSES:
        raise BadChange(index, where, f"{text!r} is not known; one of {', '.join(_TASK_STATUSES)} is needed")
    try:
        return read(text) if read else text
    except ValueError as error:
        raise BadChange(index, where, f"{text!r} cannot be read: {error}") from None


def _cell(cell: object) -> str | None:
    """Return a JSON value as the cell of a CSV file would hold it, None for what no cell can hold."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, list) and all(isinstance(part, str) for part in cell):
        return ";".join(cell)
    return str(cell) if isinstance(cell, str | int | float) else None

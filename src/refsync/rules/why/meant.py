"""What somebody asks about: an account, one of its records, a task of ours or a rep, by name, id, key or the address of its page.

The law: nothing is guessed. A text that fits several is told back with what it could mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all

from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.why.explain import About
from refsync.store import tables

NAMED_AT_MOST = 10
SALESFORCE_SHORT, SALESFORCE_LONG = 15, 18
KEY = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """One thing that a text may mean."""

    kind: str
    """account, contact, deal, milestone, introduction, rep or task."""
    name: str
    about: About

    def __str__(self) -> str:
        return f'{self.kind} "{self.name}"'


def meant_by(row: Any) -> Meant:
    """Return what a row of `find` means."""
    if row["kind"] == "account":
        return Meant(kind="account", name=row["name"], about=About(account_id=row["id"]))
    subject = (row["subject_kind"], row["id"])
    return Meant(
        kind=row["kind"], name=row["name"], about=About(account_id=row["account_id"] or "", subject=subject, rule=row["rule"])
    )


def find(text: str, connection_id: str) -> Iterator[Select[Any]]:
    """Yield SELECTs of what a text may mean, the surest first: by id, key or address, by whole name, by how a name begins.

    Rows: kind, name, id, account_id, subject_kind, rule. The first SELECT with a row decides.
    """
    ids = candidates(text)
    yield _by_id(ids, connection_id)
    yield _by_name(lambda name: func.lower(name) == text.lower(), connection_id)
    yield _by_name(lambda name: func.lower(name).startswith(text.lower(), autoescape=True), connection_id)


def candidates(text: str) -> tuple[str, ...]:
    """Return the ids that a text may be: itself, or the parts of an address, the last first."""
    if "://" not in text:
        return (text,)
    return tuple(reversed([part for part in urlsplit(text).path.split("/") if len(part) > 2]))


def _by_id(ids: tuple[str, ...], connection_id: str) -> Select[Any]:
    finding = tables.finding
    keyed = [finding.c.key.startswith(one) for one in ids if KEY.fullmatch(one)]
    task = or_(_is_one_of(finding.c.task_id, ids), *keyed)
    of_us = select(
        literal("task").label("kind"),
        finding.c.subject.label("name"),
        finding.c.subject_id.label("id"),
        finding.c.account_id.label("account_id"),
        finding.c.subject_kind.label("subject_kind"),
        finding.c.rule.label("rule"),
    ).where(finding.c.connection == connection_id, task)
    return _all([*_records(lambda kind: _is_one_of(SUBJECTS[kind].table.c.id, ids), connection_id), of_us])


def _by_name(fits: Any, connection_id: str) -> Select[Any]:
    return _all(_records(lambda kind: fits(SUBJECTS[kind].name), connection_id, ("account", "contact", "rep")))


def _records(where: Any, connection_id: str, kinds: tuple[str, ...] = tuple(SUBJECTS)) -> list[Select[Any]]:
    found = []
    for kind, subject in SUBJECTS.items():
        if kind in kinds:
            columns = (
                literal(kind).label("kind"),
                subject.name.label("name"),
                subject.table.c.id.label("id"),
                subject.account_id.label("account_id"),
                literal(kind).label("subject_kind"),
                literal("").label("rule"),
            )
            here = (subject.table.c.connection == connection_id, where(kind))
            found.append(select(*columns).select_from(subject.joined).where(*here))
    return found


def _all(parts: list[Select[Any]]) -> Select[Any]:
    rows = union_all(*parts).subquery()
    return select(rows).order_by(rows.c.name, rows.c.kind, rows.c.id).limit(NAMED_AT_MOST)


def _is_one_of(column: ColumnElement[Any], ids: tuple[str, ...]) -> ColumnElement[bool]:
    """Return whether an id is one of these; Salesforce's pages may show its first fifteen characters alone."""
    short = [one for one in ids if len(one) == SALESFORCE_SHORT]
    cut = func.substr(column, 1, SALESFORCE_SHORT)
    return or_(column.in_(ids), *((func.length(column) == SALESFORCE_LONG) & (cut == one) for one in short))

"""Tasks as a rep sees and changes them.

Law: what is shown is what is stored; the key is that of the key property, or the last line of the body where the portal has no
such property.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from refsync.model import instant, iso, moment
from refsync_sandbox.crm import Named, TaskView
from refsync_sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, TASK, Kind
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.properties import read_instant
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.translate import IdOf, Values

_STATUS = {"COMPLETED": "done", "DEFERRED": "deferred", "WAITING": "deferred"}
_CRM_STATUS = {"open": "NOT_STARTED", "done": "COMPLETED", "deferred": "DEFERRED"}
_PRIORITY = {"urgent": "HIGH", "high": "HIGH", "normal": "MEDIUM", "low": "LOW"}
KEY_PROPERTY = "refsync_key"
_KEY = re.compile(r"[0-9a-f]{64}")


def task_values(row: Row, columns: Mapping[str, Any], id_of: IdOf) -> Values:
    """Return the properties of a task for the columns that a person changes; a new day keeps the time of day."""
    values: Values = {}
    if "status" in columns:
        values["hs_task_status"] = _CRM_STATUS[columns["status"] or "open"]
    if "due_on" in columns:
        values["hs_timestamp"] = _moved(row.values().get("hs_timestamp"), columns["due_on"])
    if "owner_id" in columns:
        values["hubspot_owner_id"] = id_of("users", columns["owner_id"]) if columns["owner_id"] else None
    if "subject" in columns:
        values["hs_task_subject"] = columns["subject"]
    if "text" in columns:
        values["hs_task_body"] = columns["text"]
    if "priority" in columns:
        priority = columns["priority"] or "NONE"
        values["hs_task_priority"] = _PRIORITY.get(priority, priority.upper())
    return values


def _moved(due: str | None, day: date | None) -> str | None:
    if day is None:
        return None
    old = moment(read_instant(due)) if due else datetime.fromisoformat("1970-01-01T12:00:00+00:00")
    return iso(instant(old.replace(year=day.year, month=day.month, day=day.day)))


class TaskViews:
    """Shows the tasks of a portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def all(self) -> list[TaskView]:
        """Return every task, also deleted ones, oldest first."""
        writers, name_of = self._portal.records.writers(), self._names()
        rows = sorted(self._portal.records.all(TASK), key=lambda row: (row.created, row.id))
        return [self._view(row, writers.get(row.id, []), name_of) for row in rows]

    def _view(self, row: Row, writers: list[str], name_of: Callable[[Kind, int], str]) -> TaskView:
        values = row.values()
        status, text = values.get("hs_task_status") or "NOT_STARTED", plain_text(values.get("hs_task_body") or "")
        owner = self._portal.owners.find(values.get("hubspot_owner_id") or "")

        def end(kind: Kind) -> Named | None:
            found = self._portal.links.ends(row.id, kind)
            return Named(id=str(found[0]), name=name_of(kind, found[0])) if found else None

        return TaskView(
            key=key_of(row, self._portal.settings.key_property),
            id=str(row.id),
            subject=values.get("hs_task_subject") or "",
            text=text,
            due=values.get("hs_timestamp"),
            status=_STATUS.get(status, "open"),
            crm_status=status,
            priority=values.get("hs_task_priority") or "NONE",
            type=values.get("hs_task_type") or "TODO",
            owner=Named(id=owner.id, name=owner.name) if owner else None,
            account=end(COMPANY),
            contact=end(CONTACT),
            deal=end(DEAL),
            deleted=row.archived is not None,
            writers=tuple(dict.fromkeys(writers)),
            writes=len(writers),
        )

    def _names(self) -> Callable[[Kind, int], str]:
        """Return a way to learn the names of records that looks each of them up once."""
        known: dict[int, str] = {}

        def name_of(kind: Kind, record_id: int) -> str:
            if record_id not in known:
                rows = self._portal.records.rows([record_id])
                known[record_id] = " ".join(_name_parts(kind, rows[0])) if rows else ""
            return known[record_id]

        return name_of


def _name_parts(kind: Kind, row: Row) -> Iterator[str]:
    values = row.values()
    for name in {COMPANY: ("name",), CONTACT: ("firstname", "lastname"), DEAL: ("dealname",)}[kind]:
        if value := values.get(name):
            yield value


def plain_text(body: str) -> str:
    """Return a task's body, which is HTML, as the text that is read on the page."""
    broken = re.sub(r"(?i)<br\s*/?>|</p>|</div>|</li>", "\n", body)
    return html.unescape(re.sub(r"<[^>]*>", "", broken)).strip()


def key_of(row: Row, property_name: str) -> str:
    """Return refsync's key of a task, from its property (`refsync_key`, when the portal had none at first) or its last line."""
    values = row.values()
    return values.get(property_name or KEY_PROPERTY) or _key_in(plain_text(values.get("hs_task_body") or ""))


def _key_in(text: str) -> str:
    last = text.rsplit("\n", 1)[-1].strip().rsplit(" ", 1)[-1]
    return last if _KEY.fullmatch(last) else ""

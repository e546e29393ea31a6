"""What the control API shows of an org: the tasks of its reps, and the ids of the book's records."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from refsync_sandbox.crm import Named, TaskView
from refsync_sandbox.salesforce.finding import OBJECTS_OF
from refsync_sandbox.salesforce.objects import KEY_FIELD

_DEFERRED = ("Deferred", "Waiting on someone else")
_TASKS = f"""
    SELECT t.Id, t.{KEY_FIELD}, t.Subject, t.Description, t.ActivityDate, t.Status, t.IsClosed, t.Priority, t.TaskSubtype,
           t.IsDeleted, u.Id, u.Name, a.Id, a.Name, c.Id, c.Name, o.Id, o.Name,
           (SELECT group_concat(writer) FROM (SELECT writer FROM _writes WHERE task = t.Id ORDER BY rowid))
    FROM Task AS t
    LEFT JOIN "User" AS u ON u.Id = t.OwnerId
    LEFT JOIN Account AS a ON a.Id = t.AccountId
    LEFT JOIN Contact AS c ON c.Id = t.WhoId
    LEFT JOIN Opportunity AS o ON o.Id = t.WhatId
    WHERE t.TaskSubtype = 'Task' OR t.{KEY_FIELD} IS NOT NULL OR t.Id IN (SELECT task FROM _writes WHERE writer = 'integration')
    ORDER BY t.rowid"""  # noqa: S608 - a constant


def tasks(database: sqlite3.Connection) -> list[TaskView]:
    """Return every to-do, deleted ones too, and every other Task written over the API."""
    return [_view(row) for row in database.execute(_TASKS)]


def _view(row: tuple[Any, ...]) -> TaskView:
    record_id, key, subject, text, due, status, closed, priority, kind, deleted, *linked, writers = row
    owner, account, contact, deal = (_named(*linked[place : place + 2]) for place in (0, 2, 4, 6))
    wrote = writers.split(",") if writers else []
    return TaskView(
        key=key or "",
        id=record_id,
        subject=subject or "",
        text=text or "",
        due=due,
        status="done" if closed else "deferred" if status in _DEFERRED else "open",
        crm_status=status,
        priority=priority,
        type=kind,
        owner=owner,
        account=account,
        contact=contact,
        deal=deal,
        deleted=bool(deleted),
        writers=tuple(dict.fromkeys(wrote)),
        writes=len(wrote),
    )


def _named(record_id: str | None, name: str | None) -> Named | None:
    return Named(id=record_id, name=name or "") if record_id else None


def ids(database: sqlite3.Connection) -> Mapping[str, Mapping[str, str]]:
    """Return the Salesforce id of each record by book table and book id."""
    return {
        table: {
            book_id: record_id
            for name in names
            for book_id, record_id in database.execute(f'SELECT _book, Id FROM "{name}" WHERE _book IS NOT NULL')  # noqa: S608
        }
        for table, names in OBJECTS_OF.items()
        if table != "tasks"
    }

"""Carries out what admins and the platform do to the org (`steps`), and tells what has been done.

Law: a request is carried out as a whole or, when a step cannot be, up to that step; each step says what is wrong in words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.clock import Clock
from refsync_sandbox.control import CONTROL
from refsync_sandbox.salesforce import people, steps
from refsync_sandbox.salesforce.bulk import Bulk
from refsync_sandbox.salesforce.checks import stored_value
from refsync_sandbox.salesforce.database import add_column
from refsync_sandbox.salesforce.finding import OBJECTS_OF, Finder
from refsync_sandbox.salesforce.grammar import parse
from refsync_sandbox.salesforce.ids import long_id
from refsync_sandbox.salesforce.oauth import OAuth
from refsync_sandbox.salesforce.plans import Planner
from refsync_sandbox.salesforce.policies import Policies, Rule
from refsync_sandbox.salesforce.queries import Queries
from refsync_sandbox.salesforce.records import Actor, Records
from refsync_sandbox.salesforce.refusals import Refused
from refsync_sandbox.salesforce.replication import Replication
from refsync_sandbox.salesforce.rows import Row
from refsync_sandbox.salesforce.schema import Field, Kind, Schema, SObject
from refsync_sandbox.salesforce.soql import Fault
from refsync_sandbox.salesforce.usage import Usage
from refsync_sandbox.salesforce.wire import parse_stamp, stamp

_ADMIN = Actor(user_id=people.INTEGRATION_ID, kind="person")
_TRAITS = ("calculated", "filterable", "createable", "updateable", "unique")


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """What steps are about."""

    database: sqlite3.Connection
    schema: Schema
    records: Records
    finder: Finder
    policies: Policies
    queries: Queries
    bulk: Bulk
    replication: Replication
    usage: Usage
    oauth: OAuth
    clock: Clock


class Administration:
    """Carries out steps."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._done: list[Mapping[str, Any]] = []
        self._carry_out: Mapping[type[steps.Step], Callable[[Any], None]] = {
            steps.HideField: lambda step: self._show_field(step, visible=False),
            steps.ShowField: lambda step: self._show_field(step, visible=True),
            steps.HideObject: lambda step: self._show_object(step, visible=False),
            steps.ShowObject: lambda step: self._show_object(step, visible=True),
            steps.ShowDeleted: self._show_deleted,
            steps.AddField: self._add_field,
            steps.AlterField: self._alter_field,
            steps.Set: self._set,
            steps.Stamp: self._stamp,
            steps.Lateness: lambda step: org.policies.commit_late(timedelta(seconds=step.seconds), step.seed),
            steps.AddRule: self._add_rule,
            steps.DropRules: lambda step: org.policies.drop_rules(self._object(step.object).name),
            steps.Lock: lambda step: org.policies.lock(self._record(step)[1]["Id"], step.times),
            steps.Unlock: lambda step: org.policies.unlock(self._record(step)[1]["Id"]),
            steps.Undelete: lambda step: org.records.undelete(*self._record(step), _ADMIN),
            steps.Purge: lambda step: org.records.purge(*self._record(step)),
            steps.EmptyBin: self._empty_bin,
            steps.Limit: self._limit,
            steps.BulkJobs: lambda step: setattr(org.bulk, "polls", step.polls),
            steps.Pages: lambda step: setattr(org.queries, "page", step.most),
            steps.ReplicationLog: self._replication_log,
            steps.EndSessions: lambda _step: org.oauth.expire_all(),
            steps.ExpireLocators: lambda _step: org.queries.forget(),
        }

    def routes(self) -> list[Route]:
        """Return the route of the control API."""
        return [Route(CONTROL + "org", self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                body = orjson.loads(await request.body())
                self.carry_out(steps.read_steps(body))
                self._done += body["steps"]
            except (steps.BadStep, orjson.JSONDecodeError) as bad:
                return Response(orjson.dumps({"error": str(bad)}), 400, media_type="application/json")
        told = {"steps": self._done, "known": {word: (kind.__doc__ or "").strip() for word, kind in steps.STEPS.items()}}
        return Response(orjson.dumps(told), media_type="application/json")

    def carry_out(self, listed: Sequence[steps.Step]) -> None:
        """Carry out steps in order. Raises BadStep for the first that cannot be."""
        for number, step in enumerate(listed):
            try:
                with self._org.records.transaction():
                    self._carry_out[type(step)](step)
            except Refused as refused:
                raise steps.BadStep(f"steps[{number}]: {refused.code}: {refused.message}") from None
            except Fault as fault:
                raise steps.BadStep(f"steps[{number}]: {fault.message}") from None
            except ValueError as error:
                raise steps.BadStep(f"steps[{number}]: {error}") from None

    # -- what the org consists of ----------------------------------------------------------------------------------------------

    def _object(self, name: str) -> SObject:
        found = self._org.schema.objects.get(name)
        if found is None:
            raise ValueError(f"there is no object {name}")
        return found

    def _field(self, step: Any) -> tuple[SObject, Field]:
        subject = self._object(step.object)
        found = subject.fields.get(step.field)
        if found is None:
            raise ValueError(f"{step.object} has no field {step.field}")
        return subject, found

    def _put(self, subject: SObject, found: Field) -> None:
        self._org.schema.put(subject.with_fields([found]), self._org.clock.now())

    def _show_field(self, step: Any, *, visible: bool) -> None:
        subject, found = self._field(step)
        self._put(subject, replace(found, visible=visible))

    def _show_object(self, step: Any, *, visible: bool) -> None:
        self._org.schema.put(replace(self._object(step.object), visible=visible), self._org.clock.now())

    def _show_deleted(self, step: steps.ShowDeleted) -> None:
        self._org.schema.put(replace(self._object(step.object), soft_delete=True), self._org.clock.now())

    def _add_field(self, step: steps.AddField) -> None:
        subject = self._object(step.object)
        if step.field in subject.fields or not step.field.endswith("__c"):
            raise ValueError(f"{step.field} is taken, or does not end in __c")
        truth = {"nillable": False, "default": False} if step.type is Kind.BOOLEAN else {}
        added = Field(
            name=step.field,
            kind=step.type,
            length=step.length if step.type in (Kind.STRING, Kind.TEXTAREA, Kind.PICKLIST) else 0,
            calculated=step.calculated,
            createable=not step.calculated,
            updateable=not step.calculated,
            filterable=step.filterable,
            unique=step.unique,
            external_id=step.unique,
            case_sensitive=step.unique,
            values=step.values,
            **truth,  # type: ignore[arg-type] # two further attributes of Field, checked by its constructor
        )
        add_column(self._org.database, subject, added)
        self._put(subject, added)

    def _alter_field(self, step: steps.AlterField) -> None:
        subject, found = self._field(step)
        traits: dict[str, Any] = {name: given for name in _TRAITS if (given := getattr(step, name)) is not None}
        if step.required is not None:
            traits |= {"nillable": not step.required, "default": None}
        if step.values is not None:
            traits |= {"values": step.values, "restricted": True}
        if step.calculated:
            traits |= {"createable": False, "updateable": False}
        self._put(subject, replace(found, **traits))

    # -- what its records hold -------------------------------------------------------------------------------------------------

    def _record(self, step: Any) -> tuple[SObject, Row]:
        full = long_id(step.id)
        subject = self._org.schema.of_id(full) if full else None
        row = self._org.records.find(subject, full) if subject and full else None
        if subject and row:
            return subject, row
        if step.table and step.table not in OBJECTS_OF:
            raise ValueError(f"there is no table {step.table}")
        found = self._org.finder.find(step.table, step.id) if step.table else None
        if found is None:
            raise ValueError(f"there is no record {step.id}{'' if step.table else '; for a book id, say its table'}")
        return found

    def _set(self, step: steps.Set) -> None:
        subject, row = self._record(step)
        values = {}
        for name, value in step.fields.items():
            found = subject.fields.get(name)
            if found is None or found.expression:
                raise ValueError(f"{subject.name} keeps no field {name}")
            values[name] = stored_value(self._org.schema, found, value)
        self._org.records.overwrite(subject, row["Id"], values)

    def _stamp(self, step: steps.Stamp) -> None:
        at = stamp(parse_stamp(step.at))
        subject = self._object(step.object)
        select = parse(f"SELECT Id FROM {subject.name} WHERE {step.where}")  # noqa: S608 - SOQL
        plan = Planner(self._org.schema, everything=True, today=self._org.clock.now().date()).plan(select)
        moved = f'UPDATE "{subject.name}" SET SystemModstamp = :at WHERE rowid IN ({plan.find})'  # noqa: S608
        self._org.database.execute(moved, {**plan.values, "at": at})

    def _empty_bin(self, step: steps.EmptyBin) -> None:
        for subject in [self._object(step.object)] if step.object else self._org.schema.objects.values():
            self._org.records.empty_bin(subject)

    def _add_rule(self, step: steps.AddRule) -> None:
        subject = self._object(step.object)
        rule = Rule(object=subject.name, when=step.when, message=step.message, field=step.field)
        self._org.policies.add_rule(rule)

    # -- what the platform does ------------------------------------------------------------------------------------------------

    def _limit(self, step: steps.Limit) -> None:
        usage = self._org.usage
        usage.most = usage.most if step.most is None else step.most
        if step.used is not None:
            usage.add(step.used - usage.used)
        if step.app is not None:
            usage.app, usage.most_of_app = step.app, step.most_of_app

    def _replication_log(self, step: steps.ReplicationLog) -> None:
        log = self._org.replication
        log.behind, log.most_ids = timedelta(seconds=step.behind_seconds), step.most_ids
        log.log_begins = parse_stamp(step.log_begins) if step.log_begins else None

"""What still stands of a finding: SELECTs about subjects that a rule once matched. They ask nothing about any other subject.

Law: an event is not undone because time moves on; `when` leads in, it does not lead out. What leads out is that the subject is
gone, that a suppression stands, or that `close_when` holds; of a state also that its `when` holds no more (compile.holding).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from refsync.model import Instant
from refsync.rules.facts.subjects import SUBJECTS, Subject
from refsync.rules.query.compile import conditions_of, stands
from refsync.rules.query.reading import stopping
from refsync.rules.rule import Rule, RuleSet, SubjectKind


def existing(kind: SubjectKind, connection_id: str, subject_ids: Sequence[str]) -> Select[Any]:
    """Return a SELECT of those subject ids that are still there, with the people round them.

    Its columns are `subject_id`, `account_id`, `owner_id` (of the account; of a rep the rep), `contact_id`, `deal_id`, `rep_id`.
    """
    return _subjects(SUBJECTS[kind], connection_id, SUBJECTS[kind].table.c.id.in_(subject_ids))


def at_accounts(kind: SubjectKind, connection_id: str, account_ids: Sequence[str]) -> Select[Any]:
    """Return the same SELECT of all subjects of these accounts."""
    return _subjects(SUBJECTS[kind], connection_id, SUBJECTS[kind].account_id.in_(account_ids))


def _subjects(subject: Subject, connection_id: str, which: ColumnElement[bool]) -> Select[Any]:
    columns = (subject.account_id, subject.owner_id, subject.contact_id, subject.deal_id, subject.rep_id)
    names = ("account_id", "owner_id", "contact_id", "deal_id", "rep_id")
    told = (column.label(name) for column, name in zip(columns, names, strict=True))
    rows = select(subject.table.c.id.label("subject_id"), *told).select_from(subject.joined)
    return rows.where(subject.table.c.connection == connection_id, which)


def suppressed(
    rule: Rule, ruleset: RuleSet, connection_id: str, now: Instant, subject_ids: Sequence[str]
) -> Iterator[tuple[str, Select[Any]]]:
    """Yield the name of each suppression that stops the rule, and a SELECT of those subject ids for which it stands."""
    subject = SUBJECTS[rule.for_each]
    here = (subject.table.c.connection == connection_id, subject.table.c.id.in_(subject_ids))
    for suppression in stopping(rule, ruleset, now):
        conditions = conditions_of(ruleset, connection_id, now)
        stops = stands(suppression, conditions)  # brings in what `joined` joins
        yield (
            suppression.name,
            select(subject.table.c.id).select_from(conditions.values.joined(subject.joined)).where(*here, stops),
        )


def stops_opted_out(rule: Rule, ruleset: RuleSet, now: Instant) -> str:
    """Return the name of the suppression that stops the rule for people who opted out; empty: there is none."""
    today = ruleset.company.calendar.day(now)
    about_people = (one for one in ruleset.suppressions if one.about_person and rule.kind in one.stops)
    return next((one.name for one in about_people if one.until is None or one.until >= today), "")

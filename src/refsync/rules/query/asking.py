"""Whom an ask may go to: somebody whom `with` names and who was in a conversation with us within the time of `needs`.

The law: an account may be warm while the one we want to ask is cold. Then it is not asked; the `otherwise` task comes first, and
names that person. Where nobody is known at all there is nobody to be cold: the ask says so in its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, not_, or_, select

from refsync.rules.facts.contact import roles, two_way
from refsync.rules.facts.sources import Scope, account, at_account, lately
from refsync.rules.facts.subjects import SUBJECTS, Subject
from refsync.rules.rule import Kind, Rule
from refsync.store import tables
from refsync.store.database.hints import Few, NearlyAll

OF_SUBJECT = ("contact", "milestone.contact", "introduction.source")


def asks_somebody(rule: Rule) -> bool:
    """Return whether it matters how warm the person of the task is: an ask that names one, and not a cold one on purpose."""
    return rule.kind is Kind.ASK and bool(rule.task.with_) and "first cold person" not in rule.task.with_


def is_warm(rule: Rule, since: ColumnElement[Any], scope: Scope) -> ColumnElement[bool]:
    """Return whether one of those whom the rule's `with` names took part in a conversation since, or nobody is known at all."""
    subject = SUBJECTS[rule.for_each]
    person = tables.contact.alias("asked")
    talked = lately(two_way(person), since, scope.now)
    around = (account, subject.table)

    def anybody(*wanted: ColumnElement[bool]) -> ColumnElement[bool]:
        stays = not_(func.coalesce(person.c.do_not_contact, False))
        meant = _meant(rule.task.with_, person, subject)
        return select(1).select_from(person).where(meant, stays, *wanted).correlate(*around).exists()

    return or_(anybody(talked), not_(anybody()))


def _meant(with_: Sequence[str], person: FromClause, subject: Subject) -> ColumnElement[bool]:
    """Return whether a person is one of those whom `with` names."""
    if "best contact" in with_ and "introduction.person" not in with_:
        return at_account(person)  # the others are at the account, too
    return or_(*(_is(entry, person, subject) for entry in with_))


def _is(entry: str, person: FromClause, subject: Subject) -> ColumnElement[bool]:
    if entry == "introduction.person":
        return _same(person, subject.person_id)
    if entry in OF_SUBJECT:
        return and_(_same(person, subject.contact_id), at_account(person))
    if entry == "champion":
        role = roles(person)
        return and_(at_account(person), role.where(role.selected_columns.word == "champion").correlate(person).exists())
    return at_account(person)


def _same(person: FromClause, contact_id: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(NearlyAll(person.c.connection == account.c.connection), Few(person.c.id == contact_id))

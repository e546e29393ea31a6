"""What a rule can be about, and where its records lie beside the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, func, literal, true

from refsync.model import Stream
from refsync.rules.facts.sources import account, contact, deal, introduction, milestone, user
from refsync.rules.rule import SubjectKind
from refsync.store.database.hints import NearlyAll

NOTHING: ColumnElement[Any] = literal(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind of subject: its table leads the statement, the account is joined."""

    kind: SubjectKind
    table: Table
    stream: Stream
    """What must have been pulled to know them."""
    name: ColumnElement[Any]
    """What people call it."""
    begun: ColumnElement[Any] = NOTHING
    """When an event took place; what lies ahead of it has not happened."""
    deal_id: ColumnElement[Any] = NOTHING
    contact_id: ColumnElement[Any] = NOTHING
    """The person of it; of an introduction the source."""
    person_id: ColumnElement[Any] = NOTHING
    """The person introduced, who may belong to another account."""
    rep_id: ColumnElement[Any] = NOTHING
    """Who of us received an introduction."""
    account_id: ColumnElement[Any] = account.c.id
    account_name: ColumnElement[Any] = account.c.name
    owner_id: ColumnElement[Any] = account.c.owner_id
    revenue: ColumnElement[Any] = account.c.annual_revenue
    where: tuple[ColumnElement[bool], ...] = ()
    """Which of the records are meant; empty: all."""

    @property
    def joined(self) -> FromClause:
        """The subjects with their accounts; those without one are left out."""
        if not self.is_joined:
            return self.table
        return account.join(self.table, and_(NearlyAll(account.c.connection == self.table.c.connection), self._at))

    @property
    def is_joined(self) -> bool:
        """Whether the account's row is another than the subject's own."""
        return self.of_account and self.table is not account

    @property
    def of_account(self) -> bool:
        """Whether it belongs to a customer."""
        return self.kind != "rep"

    @property
    def _at(self) -> ColumnElement[bool]:
        of: ColumnElement[bool] = account.c.id == self.table.c.account_id
        return of


SUBJECTS: Mapping[SubjectKind, Subject] = MappingProxyType(
    {
        "account": Subject(kind="account", table=account, stream=Stream.ACCOUNTS, name=account.c.name),
        "contact": Subject(kind="contact", table=contact, stream=Stream.CONTACTS, name=contact.c.name, contact_id=contact.c.id),
        "deal": Subject(
            kind="deal", table=deal, stream=Stream.DEALS, name=deal.c.name, begun=deal.c.created_at, deal_id=deal.c.id
        ),
        "milestone": Subject(
            kind="milestone",
            table=milestone,
            stream=Stream.DEALS,
            name=milestone.c.kind,
            begun=milestone.c.reached,
            deal_id=milestone.c.deal_id,
            contact_id=milestone.c.contact_id,
        ),
        "introduction": Subject(
            kind="introduction",
            table=introduction,
            stream=Stream.INTRODUCTIONS,
            name=func.coalesce(func.nullif(introduction.c.person_name, ""), introduction.c.source_name),
            begun=introduction.c.made_at,
            deal_id=introduction.c.deal_id,
            contact_id=introduction.c.source_contact_id,
            person_id=introduction.c.person_contact_id,
            rep_id=introduction.c.owner_id,
        ),
        "rep": Subject(
            kind="rep",
            table=user,
            stream=Stream.USERS,
            name=user.c.name,
            account_id=literal(""),
            account_name=user.c.name,
            owner_id=user.c.id,
            revenue=NOTHING,
            where=(user.c.active == true(),),
        ),
    }
)
"""Every kind of subject by its name."""

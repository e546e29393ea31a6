"""The facts about people at customers: their part in the sale and the implementation, and when somebody was in touch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, not_, or_, select

from refsync.model import DealStatus, Stream
from refsync.rules.facts.fact import ACTIVITIES, TEXT, TIME, YES_NO, fact
from refsync.rules.facts.plans import meetings_with_people
from refsync.rules.facts.sources import (
    LIVE_STATES,
    Latest,
    NextPlan,
    Rows,
    Scope,
    Traits,
    Words,
    account,
    at_account,
    contact,
    lately,
    latest,
    linked,
    of,
)
from refsync.store import tables
from refsync.store.database.hints import Few, NearlyAll, Unsought

DEALS = frozenset({Stream.DEALS, Stream.DEAL_CONTACTS})
PARTS = ACTIVITIES | DEALS


def touches(person: FromClause) -> Rows:
    touch = tables.touch
    return Rows(touch, touch.c.at, (linked(touch, "contact_id", person, "id"),), (person,), person.c.last_touch_at)


def two_way(person: FromClause) -> Rows:
    rows = touches(person)
    return Rows(rows.table, rows.at, (*rows.where, tables.touch.c.two_way == 1), rows.of, person.c.last_two_way_at)


def asked(*wanted: ColumnElement[bool], around: tuple[FromClause, ...] = (account,)) -> Rows:
    """An ask counts from when it was done; one that stands before a rep counts from when it was written."""
    finding = tables.finding
    done = finding.c.state == "done"
    at = case((done, func.coalesce(finding.c.closed_at, finding.c.opened_at)), else_=finding.c.opened_at)
    counts = or_(done, finding.c.state.in_(LIVE_STATES))
    return Rows(finding, at, (at_account(finding), finding.c.kind == "ask", counts, *wanted), around)


def has_part(person: FromClause) -> ColumnElement[bool]:
    """Whether a person had a part in the sale or the implementation at their account; looked up person by person."""
    return or_(in_sale(person), in_implementation(person))


def in_sale(person: FromClause, at: FromClause | None = None) -> ColumnElement[bool]:
    """Whether a person has a part in a deal of their account that was not lost.

    `at` is the account that the statement around has joined with the person. Of the two together PostgreSQL asks after that
    join, and when it expects many it puts all parts into one hash; of the person alone it would ask one by one, before.
    """
    deal, link = tables.deal, tables.deal_contact
    stands = (NearlyAll(deal.c.account_id == _account_id(person, at)), func.coalesce(deal.c.status, "") != DealStatus.LOST.value)
    # hinted, so that SQLite begins with the person's few links, and not with all deals of the account
    joined = link.join(deal, linked(deal, "id", link, "deal_id"))
    found = select(1).select_from(joined).where(linked(link, "contact_id", person, "id"), *stands)
    return found.correlate(person, *_joined(at)).exists()


def in_implementation(person: FromClause, at: FromClause | None = None) -> ColumnElement[bool]:
    """Whether somebody was in touch with a person between a signature of their account and an implementation after it.

    `at`: see `in_sale`.
    """
    touch, signed, live = tables.touch, tables.milestone.alias("signed"), tables.milestone.alias("live")
    # few accounts have come so far, so they are asked for that first, and then for the touches of the person
    begun = (NearlyAll(signed.c.kind == "signed"), signed.c.reached <= touch.c.at)
    after = select(1).where(linked(signed, "account_id", touch, "account_id"), *begun).correlate(touch).exists()
    of_account = and_(NearlyAll(live.c.connection == person.c.connection), Few(live.c.account_id == _account_id(person, at)))
    met = (Unsought(touch.c.account_id) == live.c.account_id, touch.c.at <= live.c.reached)
    between = (of_account, Few(live.c.kind == "implemented"), linked(touch, "contact_id", person, "id"), *met)
    return select(1).where(*between, after).correlate(person, *_joined(at)).exists()


def _joined(at: FromClause | None) -> tuple[FromClause, ...]:
    return () if at is None else (at,)


def _account_id(person: FromClause, at: FromClause | None) -> ColumnElement[str]:
    return person.c.account_id if at is None else at.c.id


def roles(person: FromClause) -> Select[Any]:
    """The roles of a person on the deals of their account, in small letters: `decision maker`."""
    deal, link = tables.deal, tables.deal_contact
    joined = link.join(deal, linked(deal, "id", link, "deal_id"))
    word = func.lower(func.replace(link.c.role, "_", " "))
    here = deal.c.account_id == person.c.account_id
    part = linked(link, "contact_id", person, "id")
    return select(word.label("word")).select_from(joined).where(part, here, link.c.role != "")


def cold(scope: Scope) -> Select[Any]:
    """People of the account around with a part, who did not opt out and with whom nobody was in touch for `touch_people`."""
    person = _people()
    return select(person.c.id).where(at_account(person), *_cold(person, scope))


def cold_names(scope: Scope) -> Select[Any]:
    """The same people for all accounts: those spoken to last come first."""
    person = _people()
    part = roles(person)
    role = part.with_only_columns(func.min(part.selected_columns.word)).correlate(person).scalar_subquery()
    at = latest((touches(person),), scope.now)
    joined = account.join(
        person, and_(NearlyAll(account.c.connection == person.c.connection), account.c.id == person.c.account_id)
    )
    return (
        select(account.c.id.label("of"), person.c.name, role.label("part"), at.label("at"))
        .select_from(joined)
        .where(*_cold(person, scope))
        .order_by(func.coalesce(at, 0).desc(), person.c.name, person.c.id)
    )


def _people() -> FromClause:
    return tables.contact.alias("person")


def _cold(person: FromClause, scope: Scope) -> tuple[ColumnElement[bool], ...]:
    touched = lately(touches(person), scope.cut("touch_people"), scope.now)
    stays = not_(func.coalesce(person.c.do_not_contact, False))
    return stays, not_(touched), has_part(person)


CONTACT_FACTS = (
    fact("contact.name", TEXT, of(contact, "name"), "the name of the person"),
    fact("contact.title", TEXT, of(contact, "title"), "what the person is at their company"),
    fact(
        "contact.role",
        TEXT,
        Words(lambda _scope: roles(contact), contact),
        "a role on a deal of the account, in small letters, for instance decision maker",
        streams=DEALS,
    ),
    fact(
        "contact.involved_in",
        TEXT,
        Traits(
            {
                "sale": lambda _scope: in_sale(contact, account),
                "implementation": lambda _scope: in_implementation(contact, account),
            }
        ),
        "what the person had a part in: a deal that was not lost; contact between a signature and an implementation",
        ("sale", "implementation"),
        PARTS,
    ),
    fact(
        "contact.last_touch", TIME, Latest(lambda _scope: touches(contact)), "the last touch with that person", streams=ACTIVITIES
    ),
    fact(
        "contact.last_two_way",
        TIME,
        Latest(lambda _scope: two_way(contact)),
        "the last touch in which that person took part",
        streams=ACTIVITIES,
    ),
    fact(
        "contact.last_ask",
        TIME,
        Latest(lambda _scope: asked(Few(tables.finding.c.contact_id == contact.c.id), around=(account, contact))),
        "when that person was asked last; an ask that is open counts from its first day",
    ),
    fact(
        "contact.next_meeting",
        TIME,
        NextPlan(meetings_with_people, contact),
        "the next meeting with that person that is not cancelled",
        streams=ACTIVITIES,
    ),
    fact("contact.do_not_contact", YES_NO, of(contact, "do_not_contact"), "the person does not want to hear from us"),
    fact("contact.created", TIME, of(contact, "created_at"), "when the person was created in the CRM"),
)

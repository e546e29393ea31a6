"""What is known of customers, their people, deals, milestones and introductions, and every fact about them, in plain Python.

Law: as in interpreter.py, nothing here comes from the code it is to check. Where the SQL looks for a row on an index, this looks
at every row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from tests.rules.interpreter import Asked, Clock, Part, Seen
from tests.rules.records import Brought, Colleague, Customer, Did, Escalated, Happened, Human, Reached, Sale

TWO_WAY = {"call": (None, "in", "out"), "meeting": (None, "in", "out"), "email": ("in",), "message": ("in",)}
TOUCHING = {**TWO_WAY, "email": ("in", "out")}
"""What this company counts as being in touch, by direction: its own mails too, though nobody took part in them."""
LIVE = ("sending", "open", "snoozed")
OUTCOMES = ("met", "won", "lost")


Settings = dict[str, str | list[str]]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A book at an instant."""

    clock: Clock
    parts: tuple[Part, ...]
    own_rules: tuple[str, ...] = ()
    """The rules whose own tasks are nobody else's plan."""
    colleagues: tuple[Colleague, ...] = ()
    customers: tuple[Customer, ...] = ()
    people: tuple[Human, ...] = ()
    sales: tuple[Sale, ...] = ()
    brought: tuple[Brought, ...] = ()
    reached: tuple[Reached, ...] = ()
    cases: tuple[Escalated, ...] = ()
    did: tuple[Did, ...] = ()
    happened: tuple[Happened, ...] = ()

    def subjects(self, kind: str) -> list[tuple[str, str]]:
        if kind == "account":
            return [(one.id, one.id) for one in self.customers]
        if kind == "rep":
            return [(one.id, "") for one in self.colleagues if one.active]
        records: dict[str, tuple[Human | Sale | Brought | Reached, ...]] = {
            "contact": self.people,
            "deal": self.sales,
            "introduction": self.brought,
            "milestone": self.reached,
        }
        return [(one.id, one.account) for one in records[kind] if one.account]

    def part_of(self, account: str) -> Part:
        nobody = Part("", (), {})
        return next(part for part in self.parts if Asked(self, nobody, "account", account, account).all_of(part.lines))

    def ended(self, account: str) -> list[datetime]:
        return [case.closed for case in self.cases if case.account == account and case.escalated and case.closed]

    def seen(self, kind: str, subject: str, account: str, fact: str, settings: Settings) -> Seen:
        about, _, name = fact.partition(".")
        if about == "account":
            return self._of_account(self._customer(account), name, settings)
        match kind:
            case "contact":
                return self._of_person(_one(self.people, subject), name)
            case "deal":
                return self._of_deal(_one(self.sales, subject), name)
            case "introduction":
                return self._of_introduction(_one(self.brought, subject), name)
            case "rep":
                return self._of_rep(next(one for one in self.colleagues if one.id == subject), name)
            case _:
                reached = _one(self.reached, subject)
                told: dict[str, Seen] = {"kind": reached.kind, "reached": reached.at, "evidence": reached.evidence or None}
                return told[name]

    def _of_account(self, one: Customer, name: str, settings: Settings) -> Seen:
        owner = self._colleague(one.owner)
        plain: dict[str, Seen] = {
            "name": one.name or None,
            "status": one.status,
            "tier": one.tier or None,
            "industry": one.industry or None,
            "annual_revenue": one.revenue,
            "created": one.created,
            "do_not_contact": one.do_not_contact,
        }
        if name in plain:
            return plain[name]
        if name in ("health", "seats", "vip", "renewal", "seen"):
            return self._own(one, name)
        divisions = [other for other in self.customers if other.id != one.id and other.parent in {one.parent, one.id} - {None}]
        alive = {sale.account for sale in self.sales if sale.status in ("open", "won")}
        match name:
            case "owner.name":
                return owner.name if owner else None
            case "owner.active":
                return owner.active if owner else None
            case "owner.manager":
                boss = self._colleague(owner.manager) if owner else None
                return boss.name if boss else None
            case "parent":
                return next((other.name for other in self.customers if other.id == one.parent), None)
            case "divisions":
                return float(len(divisions))
            case "divisions_without_deal":
                return float(len([other for other in divisions if other.id not in alive]))
            case "came_by_referral":
                return any(self._is_referred(sale) for sale in self.sales if sale.account == one.id and sale.status == "won")
            case "last_touch":
                return self._last(row.at for row in self.with_account(one.id) if is_touch(row))
            case "last_two_way":
                return self._last(row.at for row in self.with_account(one.id) if is_two_way(row))
            case "back_in_touch":
                return self._back_in_touch(one, str(settings["long_silence"]))
            case "last_introduction":
                return self._last(row.made for row in self.brought if row.account == one.id)
            case "last_value_added":
                return self._last(row.at for row in self.reached if row.account == one.id and row.kind == "value added")
            case "next_meeting":
                return self._first(row.at for row in self.with_account(one.id) if _is_planned_meeting(row))
            case "open_tasks":
                return float(len([row for row in self.with_account(one.id) if self._is_open(row)]) + len(self._standing(one.id)))
            case "open_escalations":
                here = [case for case in self.cases if case.account == one.id]
                return float(len([case for case in here if case.escalated and not case.closed]))
            case "open_deals":
                return float(len([sale for sale in self.sales if sale.account == one.id and sale.status == "open"]))
            case "reachable_people":
                return float(len([human for human in self.people if human.account == one.id and human.opted_out is not True]))
            case "last_ask":
                return self._asked([did for did in self.did if did.account == one.id])
            case _:
                assert name == "cold_people", name
                mine = [human for human in self.people if human.account == one.id]
                return float(len([human for human in mine if self.is_cold(human, str(settings["touch_people"]))]))

    def _own(self, one: Customer, name: str) -> Seen:
        """Return a fact of the company's own; a CRM's text that is not what its field promises is unknown."""
        text = one.custom.get(f"{name}__c", "")
        match name:
            case "health":
                return text or None
            case "seats":
                return float(text) if re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", text) else None
            case "vip":
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(text.lower())
            case "renewal":
                return self._parsed(lambda: self.clock.midnight(date.fromisoformat(text[:10])))
            case _:
                zoned = text.endswith(("Z", "+0000", "+00:00"))
                return self._parsed(lambda: datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)) if zoned else None

    @staticmethod
    def _parsed(read: object) -> datetime | None:
        assert callable(read)
        try:
            found = read()
        except (ValueError, OverflowError):  # the first midnight that there is lies east of Greenwich before it
            return None
        assert isinstance(found, datetime)
        return found if found.year >= 1900 else None

    def _of_person(self, one: Human, name: str) -> Seen:
        match name:
            case "name":
                return one.id
            case "title":
                return one.title or None
            case "last_touch":
                return self._last(row.at for row in self.happened if one.id in row.people and is_touch(row))
            case "last_two_way":
                return self._last(row.at for row in self.happened if one.id in row.people and is_two_way(row))
            case "next_meeting":
                return self._first(row.at for row in self.happened if one.id in row.people and _is_planned_meeting(row))
            case "last_ask":
                return self._asked([did for did in self.did if did.account == one.account and did.person == one.id])
            case "do_not_contact":
                return one.opted_out
            case "created":
                return one.created
            case "role":
                here = [role for deal, role in one.parts if _one(self.sales, deal).account == one.account and role]
                return {role.lower().replace("_", " ") for role in here}
            case _:
                assert name == "involved_in", name
                return self.parts_of(one)

    def _of_deal(self, one: Sale, name: str) -> Seen:
        owner = self._colleague(one.owner)
        match name:
            case "owner.name":
                return owner.name if owner else None
            case "closed":
                return self._midnight(one.closed) if one.status in ("won", "lost") else None
            case "close_planned":
                return self._midnight(one.closed) if one.status == "open" else None
            case "by_introduction":
                return self._is_referred(one)
            case "last_touch":
                return self._last(row.at for row in self.happened if row.deal == one.id and is_touch(row))
            case _:
                plain: dict[str, Seen] = {"name": one.id, "status": one.status, "amount": one.amount, "created": one.created}
                return plain.get(name, one.stage or None)

    def _of_introduction(self, one: Brought, name: str) -> Seen:
        sale = _one(self.sales, one.deal) if one.deal else None
        decided = sale is not None and sale.status in ("won", "lost")
        rep = self._colleague(one.owner)
        match name:
            case "status":
                return sale.status if sale and decided else one.status
            case "status_since":
                return self._midnight(sale.closed) if sale and decided else one.since
            case "kind":
                return one.kind or None
            case "note":
                return one.note or None
            case "source.name":
                return one.source or one.source_name or None
            case "person.name":
                return one.person or one.person_name or None
            case "rep.name":
                return rep.name if rep else None
            case "last_touch":
                return self._last(row.at for row in self.happened if one.person in row.people and is_touch(row))
            case "thanked_by_call":
                return self._last([*self._thanks(one, "call"), *self._since_made(one, "call")])
            case "thanked_by_email":
                return self._last([*self._thanks(one, "email"), *self._since_made(one, "mail of ours")])
            case "thanked_by_note":
                return self._last(self._thanks(one, "handwritten note"))
            case "told":
                return self._told(one)
            case _:
                assert name == "made", name
                return one.made

    def _of_rep(self, one: Colleague, name: str) -> Seen:
        book = [other.id for other in self.customers if other.owner == one.id and other.status == "customer"]
        in_touch = [account for account in book if self._is_in_touch(account)]
        match name:
            case "name":
                return one.name
            case "book":
                return float(len(book))
            case "in_touch":
                return float(len(in_touch))
            case "coverage":
                return float(len(in_touch) * 100 // len(book)) if book else None
            case _:
                assert name == "prospect_share", name
                return self._prospect_share(one)

    def _is_in_touch(self, account: str) -> bool:
        wait = self.part_of(account).settings["reconnect_after"]
        return any(self.clock.holds(row.at, f"in the last {wait}") for row in self.with_account(account) if is_touch(row))

    def _prospect_share(self, one: Colleague) -> Seen:
        mine = [row for row in self.happened if row.owner == one.id and is_touch(row)]
        lately = [row for row in mine if self.clock.holds(row.at, "in the last 30 days")]
        with_customers = {other.id: [id(row) for row in self.with_account(other.id)] for other in self.customers}
        made = [row for row in lately if any(id(row) in rows for rows in with_customers.values())]
        prospects = [other.id for other in self.customers if other.status == "prospect"]
        to_prospects = [row for row in made if any(id(row) in with_customers[account] for account in prospects)]
        return float(len(to_prospects) * 100 // len(made)) if made else None

    def _thanks(self, one: Brought, do: str = "") -> list[datetime]:
        """Return when thanks for an introduction were done as tasks."""
        return [did.closed or did.opened for did in self._thanking(one) if do in ("", did.do)]

    def _thanking(self, one: Brought) -> list[Did]:
        mine = [did for did in self.did if did.about == one.id and did.account == one.account]
        return [did for did in mine if did.kind == "thanks" and did.state == "done"]

    def _since_made(self, one: Brought, how: str) -> list[datetime | None]:
        counts = {
            "call": lambda row: row.kind == "call" and is_touch(row),
            "mail of ours": _is_sent,
            "conversation": is_two_way,
        }[how]
        return [row.at for row in self.happened if one.source in row.people and _not_before(row.at, one.made) and counts(row)]

    def _told(self, one: Brought) -> datetime | None:
        if one.status not in OUTCOMES:
            return None
        tasks = [did.closed or did.opened for did in self._thanking(one) if not one.since or did.opened >= one.since]
        talks = [at for at in self._since_made(one, "conversation") if _not_before(at, one.since or one.made)]
        return self._last([*tasks, *talks])

    def parts_of(self, one: Human) -> set[str]:
        """Return what a person had a part in."""
        deals = [_one(self.sales, deal) for deal, _role in one.parts]
        sold = any(deal.account == one.account and deal.status != "lost" for deal in deals)
        here = [row for row in self.reached if row.account == one.account]
        signed = [row.at for row in here if row.kind == "signed"]
        live = [row.at for row in here if row.kind == "implemented"]
        met = [row.at for row in self.happened if one.id in row.people and is_touch(row) and row.at]
        between = any(first <= at <= last for at in met for first in signed for last in live)
        return ({"sale"} if sold else set()) | ({"implementation"} if between else set())

    def is_cold(self, one: Human, wait: str) -> bool:
        """Return whether nobody spoke for so long to somebody who had a part in something."""
        touched = [row.at for row in self.happened if one.id in row.people and is_touch(row)]
        lately = any(self.clock.holds(at, f"in the last {wait}") for at in touched)
        return one.opted_out is not True and not lately and bool(self.parts_of(one))

    def _back_in_touch(self, one: Customer, silence: str) -> datetime | None:
        times = sorted(row.at for row in self.with_account(one.id) if is_two_way(row) and row.at)
        wait = self.clock.now - self.clock.ago(silence)
        ended = [at for at in times if any(t < at - wait for t in times) and not any(at - wait <= t < at for t in times)]
        return self._last(ended)

    def with_account(self, account: str) -> list[Happened]:
        """Return the activities with an account: its own, else its deals', and those with its people."""
        people = {human.id for human in self.people if account in (human.account, *human.further)}
        deals = {sale.id for sale in self.sales if sale.account == account}

        def is_with(row: Happened) -> bool:
            own = row.account == account or (row.account is None and row.deal in deals)
            return own or bool(set(row.people) & people)

        return [row for row in self.happened if is_with(row)]

    def _is_open(self, row: Happened) -> bool:
        planned = row.kind == "task" and row.status == "planned" and not row.ours
        return planned and (row.at is None or row.at >= self.clock.ago("14 days"))

    def _standing(self, account: str) -> list[Did]:
        """Return the tasks that other rules wrote for an account and that stand."""
        return [did for did in self.did if did.account == account and did.state in LIVE and did.rule not in self.own_rules]

    def _is_referred(self, sale: Sale) -> bool:
        return sale.referred or any(row.deal == sale.id for row in self.brought)

    def _asked(self, did: list[Did]) -> datetime | None:
        asks = [one for one in did if one.kind == "ask"]
        stands = [one.opened for one in asks if one.state in LIVE]
        return self._last([*stands, *(one.closed or one.opened for one in asks if one.state == "done")])

    def _customer(self, account: str) -> Customer:
        return _one(self.customers, account)

    def _colleague(self, identity: str | None) -> Colleague | None:
        return next((one for one in self.colleagues if one.id == identity), None)

    def _last(self, times: Iterable[datetime | None]) -> datetime | None:
        return max((at for at in times if at and at <= self.clock.now), default=None)

    def _first(self, times: Iterable[datetime | None]) -> datetime | None:
        return min((at for at in times if at and at > self.clock.now), default=None)

    def _midnight(self, day: date | None) -> datetime | None:
        return self.clock.midnight(day) if day else None


def is_touch(row: Happened) -> bool:
    """Return whether an activity counts as being in touch."""
    return _counts(row) and row.direction in TOUCHING.get(row.kind, ())


def is_two_way(row: Happened) -> bool:
    """Return whether it counts and the customer took part."""
    return _counts(row) and row.direction in TWO_WAY.get(row.kind, ())


def _counts(row: Happened) -> bool:
    return row.status == "done" and not row.automated and not row.ours


def _is_sent(row: Happened) -> bool:
    return row.kind == "email" and row.direction == "out" and _counts(row)


def _is_planned_meeting(row: Happened) -> bool:
    return row.kind == "meeting" and row.status in ("planned", "done")


def _not_before(at: datetime | None, first: datetime | None) -> bool:
    return at is not None and first is not None and at >= first


R = TypeVar("R", Customer, Human, Sale, Brought, Reached)


def _one(records: tuple[R, ...], identity: str) -> R:
    return next(one for one in records if one.id == identity)

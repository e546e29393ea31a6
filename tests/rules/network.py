"""Facts of people, deals, introductions and groups of accounts in plain Python, slowly, for a book in memory.

Law: as in interpreter.py, nothing here comes from the code it is to check.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from tests.rules.interpreter import Happened, World, holds_number, holds_text, is_touch


@dataclass(frozen=True)
class Human:
    """A person at a customer, with the roles on deals."""

    id: str
    account: str
    opted_out: bool | None = None
    created: datetime | None = None
    parts: tuple[tuple[str, str], ...] = ()
    """Deal and role."""


@dataclass(frozen=True)
class Sale:
    id: str
    account: str
    status: str | None = None
    closed: date | None = None
    created: datetime | None = None
    amount: float | None = None
    stage: str = ""
    referred: bool = False


@dataclass(frozen=True)
class Brought:
    """An introduction."""

    id: str
    account: str
    source: str | None = None
    person: str | None = None
    deal: str | None = None
    status: str | None = None
    since: datetime | None = None
    made: datetime | None = None


@dataclass(frozen=True)
class Reached:
    """A milestone."""

    account: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class Did:
    """A task of ours that was done, or stands."""

    account: str
    about: str
    kind: str
    do: str
    state: str
    opened: datetime
    closed: datetime | None
    person: str | None


@dataclass(frozen=True)
class Group:
    """An account in its group."""

    id: str
    parent: str | None


@dataclass(frozen=True)
class Network:
    """Who and what is known, in a world."""

    world: World
    groups: tuple[Group, ...] = ()
    people: tuple[Human, ...] = ()
    sales: tuple[Sale, ...] = ()
    brought: tuple[Brought, ...] = ()
    reached: tuple[Reached, ...] = ()
    did: tuple[Did, ...] = field(default=())
    tiers: dict[str, str] = field(default_factory=dict)

    def holds(self, subject: Group | Human | Sale | Brought, fact: str, phrase: object) -> bool:
        """Return whether a line is true of an account, a person, a deal or an introduction."""
        phrase = self.world.spelt(self.tiers.get(subject.id if isinstance(subject, Group) else subject.account, ""), phrase)
        seen = self._seen(subject, fact)
        if isinstance(seen, set):
            return (
                any(holds_text(one, phrase) for one in seen) if not _denies(phrase) else all(holds_text(s, phrase) for s in seen)
            )
        if isinstance(seen, bool):
            return seen is phrase
        if fact in ("contact.next_meeting", "deal.close_planned"):
            return self.world.holds_time(
                seen if isinstance(seen, datetime) else None, str(phrase), ahead=fact != "deal.close_planned"
            )
        if isinstance(seen, datetime) or fact.partition(".")[2] in TIMES:
            return self.world.holds_time(seen if isinstance(seen, datetime) else None, str(phrase))
        if isinstance(seen, int | float):
            return holds_number(float(seen), phrase)
        text = seen if isinstance(seen, str) and seen else None
        return fact != "deal.amount" and holds_text(text, phrase)

    def _seen(self, subject: Group | Human | Sale | Brought, fact: str) -> object:
        match subject:
            case Group():
                return self._of_account(subject, fact)
            case Human():
                return self._of_person(subject, fact)
            case Sale():
                return self._of_deal(subject, fact)
            case Brought():
                return self._of_introduction(subject, fact)

    def _of_account(self, one: Group, fact: str) -> object:
        divisions = [g for g in self.groups if g.id != one.id and g.parent and g.parent in (one.parent, one.id)]
        alive = {sale.account for sale in self.sales if sale.status in ("open", "won")}
        match fact:
            case "account.divisions":
                return len(divisions)
            case "account.divisions_without_deal":
                return len([g for g in divisions if g.id not in alive])
            case "account.came_by_referral":
                won = [sale for sale in self.sales if sale.account == one.id and sale.status == "won"]
                return any(self._is_referred(sale) for sale in won)
            case "account.last_introduction":
                return self._last(row.made for row in self.brought if row.account == one.id)
            case "account.last_value_added":
                return self._last(row.at for row in self.reached if row.account == one.id and row.kind == "value added")
            case "account.back_in_touch":
                return self._back_in_touch(one)
            case "account.open_deals":
                return len([sale for sale in self.sales if sale.account == one.id and sale.status == "open"])
            case "account.reachable_people":
                return len([human for human in self.people if human.account == one.id and human.opted_out is not True])
            case "account.last_ask":
                return self._asked([did for did in self.did if did.account == one.id])
            case _:
                assert fact == "account.cold_people"
                return len([human for human in self.people if human.account == one.id and self._is_cold(human)])

    def _of_person(self, one: Human, fact: str) -> object:
        match fact:
            case "contact.last_touch":
                return self._last(row.at for row in self.world.happened if one.id in row.people and is_touch(row))
            case "contact.next_meeting":
                ahead = [row.at for row in self.world.happened if one.id in row.people and self._is_planned(row)]
                return min([at for at in ahead if at], default=None)
            case "contact.last_ask":
                return self._asked([did for did in self.did if did.account == one.account and did.person == one.id])
            case "contact.do_not_contact":
                return one.opted_out is True
            case "contact.created":
                return one.created
            case "contact.role":
                here = [role for deal, role in one.parts if self._sale(deal).account == one.account and role]
                return {role.lower().replace("_", " ") for role in here}
            case _:
                assert fact == "contact.involved_in"
                return self._parts(one)

    def _of_deal(self, one: Sale, fact: str) -> object:
        match fact:
            case "deal.closed":
                return self._midnight(one.closed) if one.status in ("won", "lost") else None
            case "deal.close_planned":
                return self._midnight(one.closed) if one.status == "open" else None
            case "deal.by_introduction":
                return self._is_referred(one)
            case "deal.last_touch":
                return self._last(
                    row.at for row in self.world.happened if row.deal == one.id and is_touch(row) and self._counts(row)
                )
            case _:
                return {"status": one.status, "amount": one.amount, "created": one.created, "stage": one.stage}[fact[5:]]

    def _of_introduction(self, one: Brought, fact: str) -> object:
        sale = self._sale(one.deal) if one.deal else None
        decided = sale is not None and sale.status in ("won", "lost")
        match fact:
            case "introduction.status":
                return sale.status if sale and decided else one.status
            case "introduction.status_since":
                return self._midnight(sale.closed) if sale and decided else one.since
            case "introduction.last_touch":
                return self._last(row.at for row in self.world.happened if one.person in row.people and is_touch(row))
            case "introduction.thanked_by_call":
                return self._thanked(one, "call", lambda row: row.kind == "call" and is_touch(row))
            case "introduction.thanked_by_email":
                return self._thanked(one, "email", _is_sent)
            case "introduction.thanked_by_note":
                return self._thanked(one, "handwritten note", lambda _row: False)
            case _:
                assert fact == "introduction.made"
                return one.made

    def _thanked(self, one: Brought, do: str, counts: object) -> datetime | None:
        assert callable(counts)
        done = [did for did in self.did if did.about == one.id and did.kind == "thanks" and did.state == "done" and did.do == do]
        tasks = [did.closed or did.opened for did in done if did.account == one.account]
        since = [row.at for row in self.world.happened if one.source in row.people and row.at and one.made and row.at >= one.made]
        real = [row.at for row in self.world.happened if row.at in since and one.source in row.people and counts(row)]
        return self._last([*tasks, *real])

    def _parts(self, one: Human) -> set[str]:
        sold = [
            deal for deal, _role in one.parts if self._sale(deal).account == one.account and self._sale(deal).status != "lost"
        ]
        return {"sale"} if sold else set()

    def _is_cold(self, one: Human) -> bool:
        tier = self.tiers.get(one.account, "")
        touched = [row.at for row in self.world.happened if one.id in row.people and is_touch(row)]
        wait = self.world.spans.get(tier, self.world.spans[""])["touch_people"]
        lately = any(self.world.holds_time(at, f"in the last {wait}") for at in touched)
        return one.opted_out is not True and not lately and bool(self._parts(one))

    def _back_in_touch(self, one: Group) -> datetime | None:
        people = {human.id for human in self.people if human.account == one.id}
        deals = {sale.id for sale in self.sales if sale.account == one.id}
        with_it = [row for row in self.world.happened if is_touch(row) and self._is_with(row, one, people, deals)]
        times = sorted(row.at for row in with_it if row.at)
        wait = self.world.silence(self.tiers.get(one.id, ""))
        ended = [at for at in times if any(t < at - wait for t in times) and not any(at - wait <= t < at for t in times)]
        return self._last(ended)

    @staticmethod
    def _is_with(row: Happened, one: Group, people: set[str], deals: set[str]) -> bool:
        own = row.account == one.id or (row.account is None and row.deal in deals)
        return own or bool(set(row.people) & people)

    def _is_referred(self, sale: Sale) -> bool:
        return sale.referred or any(row.deal == sale.id for row in self.brought)

    def _asked(self, did: list[Did]) -> datetime | None:
        asks = [one for one in did if one.kind == "ask"]
        stands = [one.opened for one in asks if one.state in ("sending", "open", "snoozed")]
        return self._last([*stands, *(one.closed or one.opened for one in asks if one.state == "done")])

    def _is_planned(self, row: Happened) -> bool:
        return row.kind == "meeting" and row.status in ("planned", "done") and row.at is not None and row.at > self.world.now

    def _counts(self, row: Happened) -> bool:
        """Whether there is anybody for whom it is a touch."""
        return bool(row.people or row.account or row.deal)

    def _sale(self, deal: str) -> Sale:
        return next(sale for sale in self.sales if sale.id == deal)

    def _last(self, times: object) -> datetime | None:
        return max((at for at in times if at and at <= self.world.now), default=None)  # type: ignore[attr-defined]

    def _midnight(self, day: date | None) -> datetime | None:
        return datetime.combine(day, time(), ZoneInfo(self.world.zone)).astimezone(UTC) if day else None


TIMES = (
    "back_in_touch",
    "last_introduction", "last_value_added", "last_ask", "last_touch", "next_meeting", "created", "closed", "close_planned",
    "status_since", "made", "thanked_by_call", "thanked_by_email", "thanked_by_note",
)  # fmt: skip


def _denies(phrase: object) -> bool:
    return isinstance(phrase, dict) and "not" in phrase


def _is_sent(row: Happened) -> bool:
    return row.kind == "email" and row.direction == "out" and row.status == "done" and not row.automated and not row.ours

"""Lines of rules judged in plain Python, slowly, for a book in memory.

Law: nothing here comes from the code it is to check: the days are counted with datetime alone and the phrases are read anew.
Where the SQL looks for a row on an index, this looks at every row.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Seen = str | float | bool | datetime | list[datetime] | None

TWO_WAY = {"call": (None, "in", "out"), "meeting": (None, "in", "out"), "email": ("in",), "message": ("in",)}


@dataclass(frozen=True)
class Happened:
    """An activity."""

    kind: str
    direction: str | None
    status: str | None
    at: datetime | None
    automated: bool = False
    account: str | None = None
    deal: str | None = None
    people: tuple[str, ...] = ()
    ours: bool = False


@dataclass(frozen=True)
class Customer:
    """An account, with the names of its people and deals."""

    id: str
    status: str | None = "customer"
    tier: str = ""
    revenue: float | None = None
    created: datetime | None = None
    do_not_contact: bool | None = None
    people: tuple[str, ...] = ()
    deals: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """What is known at an instant, in the zone of a company."""

    now: datetime
    zone: str
    happened: tuple[Happened, ...] = ()
    spans: dict[str, dict[str, str]] = field(default_factory=dict)
    """tier -> parameter -> length."""

    def holds(self, customer: Customer, fact: str, phrase: object) -> bool:
        """Return whether a line is true; an unknown value makes it so only in the four forms that accept it."""
        phrase = self.spelt(customer.tier, phrase)
        if fact in ("account.last_touch", "account.last_two_way"):
            past = [row.at for row in self._with(customer) if row.at and row.at <= self.now and is_touch(row)]
            return self.holds_time(max(past, default=None), str(phrase))
        if fact == "account.next_meeting":
            stands = [row for row in self._with(customer) if row.kind == "meeting" and row.status in ("planned", "done")]
            ahead = [row.at for row in stands if row.at and row.at > self.now]
            return self.holds_time(min(ahead, default=None), str(phrase), ahead=True)
        if fact == "account.created":
            return self.holds_time(customer.created, str(phrase))
        if fact == "account.open_tasks":
            return holds_number(float(len([row for row in self._with(customer) if self._is_open(row)])), phrase)
        if fact == "account.annual_revenue":
            return customer.revenue is not None and holds_number(customer.revenue, phrase)
        if fact == "account.do_not_contact":
            return (customer.do_not_contact is True) is phrase
        text = customer.status if fact == "account.status" else customer.tier
        return holds_text(text or None, phrase)

    def spelt(self, tier: str, phrase: object) -> object:
        """Return a phrase with the lengths of a tier in the place of parameters."""
        spans = self.spans.get(tier, self.spans[""])
        return re.sub(r"\{(\w+)\}", lambda found: spans[found[1]], phrase) if isinstance(phrase, str) else phrase

    def silence(self, tier: str) -> timedelta:
        """Return how long the long silence of a tier is, counted back from now."""
        return self.now - self._ago(self.spans.get(tier, self.spans[""])["long_silence"])

    def _with(self, customer: Customer) -> list[Happened]:
        """Return the activities with an account: its own, else its deals', and those with its people."""
        return [row for row in self.happened if _is_with(row, customer)]

    def _is_open(self, row: Happened) -> bool:
        if row.kind != "task" or row.status != "planned" or row.ours:
            return False
        return row.at is None or row.at >= self._ago("14 days")

    def holds_time(self, at: datetime | None, phrase: str, *, ahead: bool = False) -> bool:
        """Return whether a phrase is true of a time."""
        known = at is not None and (ahead or at <= self.now)
        if phrase == "never":
            return not known
        if phrase == "ever":
            return known
        if found := re.fullmatch(r"not in the last (.*)", phrase):
            return not (at is not None and self._ago(found[1]) <= at <= self.now)
        if at is None:
            return False
        if found := re.fullmatch(r"in the last (.*)", phrase):
            return self._ago(found[1]) <= at <= self.now
        if found := re.fullmatch(r"more than (.*) ago", phrase):
            return at < self._ago(found[1])
        if found := re.fullmatch(r"between (\d+) and (\d+) days ago", phrase):
            days = (self._today() - at.astimezone(ZoneInfo(self.zone)).date()).days
            return int(found[1]) <= days <= int(found[2]) and at <= self.now
        found = re.fullmatch(r"in the next (\d+) days", phrase)
        assert found is not None
        last = self._today() + timedelta(days=int(found[1]))
        return at > self.now and at.astimezone(ZoneInfo(self.zone)).date() <= last

    def _today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.zone)).date()

    def _ago(self, length: str) -> datetime:
        count, unit = int(length.split(" ", 1)[0]), length.split(" ", 1)[1].rstrip("s")
        if unit == "hour":
            return self.now - timedelta(hours=count)
        day = self._today()
        if unit in ("day", "week"):
            day -= timedelta(days=count * (7 if unit == "week" else 1))
        elif unit == "business day":
            while count:
                day -= timedelta(days=1)
                count -= day.isoweekday() < 6
        else:
            months = day.year * 12 + day.month - 1 - count * (12 if unit == "year" else 1)
            year, month = months // 12, months % 12 + 1
            day = date(year, month, min(day.day, monthrange(year, month)[1]))
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)


def _is_with(row: Happened, customer: Customer) -> bool:
    own = row.account == customer.id or (row.account is None and row.deal in customer.deals)
    return own or bool(set(row.people) & set(customer.people))


def is_touch(row: Happened) -> bool:
    """Return whether an activity counts as being in touch."""
    return row.status == "done" and not row.automated and not row.ours and row.direction in TWO_WAY.get(row.kind, ())


def holds_number(value: float, phrase: object) -> bool:
    if isinstance(phrase, int | float):
        return value == phrase
    words = str(phrase).split()
    if words[0] == "between":
        return float(words[1]) <= value <= float(words[3])
    limit = float(words[2])
    return {"at least": value >= limit, "at most": value <= limit, "more than": value > limit, "less than": value < limit}[
        " ".join(words[:2])
    ]


def holds_text(value: str | None, phrase: object) -> bool:
    if isinstance(phrase, dict) and "contains" in phrase:
        wanted = phrase["contains"] if isinstance(phrase["contains"], list) else [phrase["contains"]]
        return value is not None and any(text.lower() in value.lower() for text in wanted)
    if isinstance(phrase, dict):
        return not holds_text(value, phrase["not"])
    return value is not None and value in (phrase if isinstance(phrase, list) else [phrase])

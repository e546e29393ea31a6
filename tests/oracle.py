"""What two shipped rules must find, worked out from the CSV files alone, slowly and plainly.

Law: nothing here comes from refsync. It reads the files with the csv module and takes the few plain steps of the rules'
definition, so that a mistake in refsync's reading, deriving or SQL cannot be a mistake here as well. Books must be free of
bad rows.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

THRESHOLDS: Mapping[str | None, int] = {"A": 30, "B": 60, None: 120}
"""Days after which an account of a tier counts as neglected; None: all other tiers."""

FIELDS: Mapping[str, str] = {"implemented": "go_live_on", "roi": "roi_proven_on"}
"""The column of accounts.csv that holds the day of each kind of milestone."""

TWO_WAY = {("call", "in"), ("call", "out"), ("call", ""), ("email", "in"), ("message", "in")}


class Milestone(NamedTuple):
    """A moment at which a referral may be asked for."""

    kind: str
    account: str
    deal: str
    """Empty for those read from the account itself."""
    reached: date
    ready: bool
    """Whether somebody there was in a conversation in the last 90 days: ask; else reconnect first.

    Where no person is known (or all opted out), any conversation with the account will do.
    """
    suppressed: str
    """Why nobody may ask; empty: one may."""


def neglected(
    folder: Path,
    now: datetime,
    *,
    zone: str = "UTC",
    thresholds: Mapping[str | None, int] = THRESHOLDS,
    escalations_stop: bool = False,
) -> dict[str, datetime | None]:
    """Return the customers nobody has been in touch with for too long, and when the last touch was.

    `escalations_stop`: whether an open escalated case keeps an account out.
    """
    book, days = _Book(folder), _Days(now, zone)
    found = {}
    for account in book.accounts:
        last = max((at for at in book.touches[account["id"]] if at <= now), default=None)
        limit = thresholds.get(account["tier"], thresholds[None])
        created = _instant(account["created_at"])
        if (
            account["status"] == "customer"
            and created is not None
            and created < days.ago(30)
            and (last is None or last < days.ago(limit))
            and not any(due is None or due >= days.ago(14) for due in book.open_tasks[account["id"]])
            and not any(now < at < days.ago(-15) for at in book.meetings[account["id"]])
            and not (last is not None and last < days.two_years_ago())
            and account["do_not_contact"].lower() != "true"
            and not (escalations_stop and account["id"] in book.escalated)
        ):
            found[account["id"]] = last
    return found


def milestones(folder: Path, now: datetime, *, zone: str = "UTC", fields: Mapping[str, str] = FIELDS) -> list[Milestone]:
    """Return the milestones of customers that were reached between 7 and 120 days ago."""
    book, days = _Book(folder), _Days(now, zone)
    found = []
    for account in book.accounts:
        if account["status"] != "customer":
            continue
        reached = [(kind, "", account.get(column, "")) for kind, column in fields.items()]
        reached += [("signed", deal["id"], deal["closed_on"]) for deal in book.won[account["id"]]]
        last = max((at for at in book.touches[account["id"]] if at <= now), default=None)
        warm = any(days.ago(90) <= at <= now for person in book.people[account["id"]] for at in book.talks[person])
        ready = last is not None and last >= days.ago(90) and (warm or not book.people[account["id"]])
        suppressed = ""
        if account["do_not_contact"].lower() == "true":
            suppressed = "do not contact"
        elif account["id"] in book.escalated:
            suppressed = "open escalation"
        elif last is None or last < days.two_years_ago():
            suppressed = "long silence"
        for kind, deal, text in reached:
            if text and 7 <= (days.today - date.fromisoformat(text)).days <= 120:
                found.append(Milestone(kind, account["id"], deal, date.fromisoformat(text), ready, suppressed))
    return found


class _Days:
    """Calendar days in one zone."""

    def __init__(self, now: datetime, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self.today = now.astimezone(self._zone).date()

    def ago(self, days: int) -> datetime:
        """Return the local midnight with which the day so many days ago begins."""
        return self._midnight(self.today - timedelta(days=days))

    def two_years_ago(self) -> datetime:
        leap_day = (self.today.month, self.today.day) == (2, 29)
        return self._midnight(self.today.replace(year=self.today.year - 2, day=28 if leap_day else self.today.day))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)


class _Book:
    """The rows of a folder, with what happened sorted by account."""

    def __init__(self, folder: Path) -> None:
        self.accounts = list(_rows(folder / "accounts.csv"))
        self.touches = defaultdict[str, list[datetime]](list)
        self.open_tasks = defaultdict[str, list[datetime | None]](list)
        self.meetings = defaultdict[str, list[datetime]](list)
        self.won = defaultdict[str, list[dict[str, str]]](list)
        self.talks = defaultdict[str, list[datetime]](list)
        """By person: when they took part in something."""
        self.people = defaultdict[str, list[str]](list)
        """By account: who is there and may be contacted."""
        deals = list(_rows(folder / "deals.csv"))
        for deal in deals:
            if deal["status"] == "won":
                self.won[deal["account_id"]].append(deal)
        self._account_of_deal = {deal["id"]: deal["account_id"] for deal in deals}
        self._accounts_of_person = {}
        for person in _rows(folder / "contacts.csv"):
            self._accounts_of_person[person["id"]] = {person["account_id"]}
            if person["do_not_contact"].lower() != "true":
                self.people[person["account_id"]].append(person["id"])
        for further in _rows_if_any(folder / "account_contacts.csv"):
            self._accounts_of_person[further["contact_id"]].add(further["account_id"])
        cases = _rows_if_any(folder / "cases.csv")
        self.escalated = {case["account_id"] for case in cases if case["escalated"].lower() == "true" and not case["closed_at"]}
        for activity in _rows(folder / "activities.csv"):
            self._sort(activity)

    def _sort(self, activity: dict[str, str]) -> None:
        at, kind, status = _instant(activity["at"]), activity["kind"], activity["status"]
        for account in self._accounts(activity):
            if kind == "task" and status == "planned":
                self.open_tasks[account].append(at)
            if at is not None and kind == "meeting" and status in {"planned", "done"}:
                self.meetings[account].append(at)
            if at is not None and _is_touch(activity):
                self.touches[account].append(at)

        if at is not None and _is_touch(activity):
            for person in filter(None, activity["contact_ids"].split(";")):
                self.talks[person].append(at)

    def _accounts(self, activity: dict[str, str]) -> set[str]:
        """Return the accounts an activity is with: its own, else its deal's, and all those its people belong to."""
        own = activity["account_id"] or self._account_of_deal.get(activity["deal_id"], "")
        people = [self._accounts_of_person.get(person, set()) for person in activity["contact_ids"].split(";")]
        return {own}.union(*people) - {""}


def _is_touch(activity: dict[str, str]) -> bool:
    """Return whether the customer took part in it: calls and meetings held, mail and messages received, nothing automated."""
    kind = activity["kind"] == "meeting" or (activity["kind"], activity["direction"]) in TWO_WAY
    return kind and activity["status"] == "done" and activity["automated"].lower() != "true"


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        yield from csv.DictReader(text)


def _rows_if_any(path: Path) -> Iterator[dict[str, str]]:
    return _rows(path) if path.exists() else iter(())


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None

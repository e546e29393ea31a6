"""A case of a rule test as a small company: what its words say, as records of a CRM and as tasks that were there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from refsync.calendar import Calendar, parse_duration
from refsync.errors import Problem, RuleError
from refsync.finding import Finding, State
from refsync.model import (
    Account,
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Direction,
    Instant,
    Introduction,
    IntroductionStatus,
    Record,
    User,
    instant,
)
from refsync.rules.files.cases import Case as Tested

ACCOUNT, CONTACT, DEAL, INTRODUCED, REP = "account-1", "contact-1", "deal-1", "introduction-1", "user-rep"


class Company:
    """The company of one case."""

    def __init__(self, case: Tested, calendar: Calendar) -> None:
        self.case = case
        self.calendar = calendar
        self.now = instant(case.at.replace(tzinfo=calendar.tz))
        self._given = {about: dict(words) for about, words in case.given.items()}
        self._activities = 0

    def records(self) -> Iterator[Record]:
        """Yield what the CRM holds."""
        yield from self._users()
        yield from self._account()
        yield from self._people()
        yield from self._deals()
        yield from self._introduction()
        yield from self._activities_of_account()
        yield from self._book_of_rep()

    def before(self) -> Iterator[Finding]:
        """Yield the tasks that were there before."""
        asked = self.time(self._of("account", "last_ask"))
        if asked is not None:
            yield self._finding("asked-before", "ask", State.DONE, asked, asked, 0)
        for number, one in enumerate(self.case.after, start=1):
            closed = self.time(one.closed)
            opened = self.time(one.opened) or closed or self.now - 10 * 86_400_000
            state = State(one.state)
            yield self._finding(one.rule, "", state, opened, closed if closed is not None else None, number)

    def time(self, said: object) -> Instant | None:
        """Return the instant of a time in a case: `10 days ago`, `in 3 days`, `today`, a day, or `never`."""
        if said is None or said == "never":
            return None
        if isinstance(said, datetime):
            return instant(said if said.tzinfo else said.replace(tzinfo=self.calendar.tz))
        today = self.calendar.day(self.now)
        if isinstance(said, date):
            return self._noon(said)
        text = str(said)
        if text == "today":
            return self.now - 60_000
        try:
            if text.endswith(" ago"):
                return min(self._noon(self.calendar.back(today, parse_duration(text.removesuffix(" ago")))), self.now)
            return self._noon(self.calendar.ahead(today, parse_duration(text.removeprefix("in "))))
        except ValueError:
            hint = 'write "10 days ago", "in 3 days", "today", "never" or a day'
            raise RuleError(Problem(message=f'"{text}" is no time', hint=hint, place=self.case.place)) from None

    def _noon(self, day: date) -> Instant:
        return instant(datetime.combine(day, time(12), self.calendar.tz))

    def _day(self, said: object) -> date | None:
        at = self.time(said)
        return None if at is None else self.calendar.day(at)

    def _of(self, about: str, word: str, default: Any = None) -> Any:
        return self._given.get(about, {}).get(word, default)

    def _finding(self, rule: str, kind: str, state: State, opened: Instant, closed: Instant | None, number: int) -> Finding:
        about = next((kind for kind in ("rep", "introduction", "milestone", "contact", "deal") if kind in self._given), "account")
        ids = {"rep": REP, "introduction": INTRODUCED, "milestone": self._milestone_id(), "contact": CONTACT, "deal": DEAL}
        subject = ids.get(about, ACCOUNT)
        return Finding(
            key=f"{number:064x}",
            rule=rule,
            kind=kind,
            subject_kind=about,
            subject_id=subject,
            account_id=None if about == "rep" else ACCOUNT,
            owner_id="user-of-before",
            state=state,
            task_id=f"before-{number}",
            due_on=self.calendar.day(opened) + timedelta(days=3),
            opened_at=opened,
            closed_at=closed,
        )

    def _milestone_id(self) -> str:
        return f"{self._of('milestone', 'kind', '')}:{DEAL}"

    def _users(self) -> Iterator[User]:
        named = [self._of("account", "owner", "Rita"), self._of("contact", "owner"), self._of("introduction", "rep")]
        active, until = self._of("account", "owner_active", True), self.time(self._of("account", "owner_away_until"))
        yield User(id="manager", name="Manager", email="manager@example.com")
        for name in dict.fromkeys(name for name in named if name):
            user = User(id=f"user-{name}", name=name, email=f"{name.lower()}@example.com", manager_id="manager")
            if name == named[0]:
                user = replace(user, active=active, away_from=until and min(until, self.now), away_until=until)
            yield user

    def _account(self) -> Iterator[Record]:
        words = self._given.get("account", {})
        divisions: Sequence[str] = words.get("divisions_without_deal", ())
        yield Account(
            id=ACCOUNT,
            name=words.get("name", "Acme"),
            owner_id=f"user-{words.get('owner', 'Rita')}",
            parent_id="group" if divisions else None,
            status=AccountStatus(words.get("status", "customer")),
            tier=words.get("tier", ""),
            industry=words.get("industry", ""),
            annual_revenue=words.get("annual_revenue"),
            created_at=self.time(words.get("created", "3 years ago")),
            do_not_contact=words.get("do_not_contact"),
            custom={"value_added": str(self._day(words["value_added"]))} if "value_added" in words else {},
        )
        if divisions:
            yield Account(id="group", name="Group")
            for number, name in enumerate(divisions):
                yield Account(id=f"division-{number}", name=name, parent_id="group")
            yield Deal(id="deal-group", account_id="group", status=DealStatus.OPEN)
        for number in range(words.get("open_escalations", 0)):
            yield Case(id=f"case-{number}", account_id=ACCOUNT, escalated=True)
        if ended := self.time(words.get("escalation_ended")):
            yield Case(id="case-ended", account_id=ACCOUNT, escalated=True, closed_at=ended)
        for number in range(words.get("open_deals", 0)):
            yield Deal(id=f"open-{number}", account_id=ACCOUNT, status=DealStatus.OPEN)

    def _people(self) -> Iterator[Record]:
        words = self._given.get("contact", {})
        names = [words.get("name"), self._of("milestone", "contact"), self._of("introduction", "source")]
        for number, name in enumerate(dict.fromkeys(name for name in names if name) or ["Carla"], start=1):
            first = number == 1
            yield Contact(
                id=f"contact-{number}",
                account_id=ACCOUNT,
                name=name,
                title=words.get("title", "") if first else "",
                owner_id=f"user-{words['owner']}" if first and "owner" in words else None,
                do_not_contact=words.get("do_not_contact") if first else None,
            )
        if first_touch := words.get("last_touch"):
            yield self._happened(self.time(first_touch), (CONTACT,), account_id=None)
        if words.get("role") or words.get("involved_in") == "sale":
            yield Deal(id="deal-role", account_id=ACCOUNT, name="First order", status=DealStatus.WON)
            yield DealContact(id="role", deal_id="deal-role", contact_id=CONTACT, role=words.get("role", ""))

    def _deals(self) -> Iterator[Record]:
        deal, milestone = self._given.get("deal"), self._given.get("milestone")
        if deal is None and milestone is None and not self._of("account", "came_by_referral"):
            return
        words, reached = deal or {}, milestone or {}
        signed = reached.get("kind") == "signed"
        status = "won" if signed or (deal is None and milestone is None) else words.get("status")
        closed = self._day(reached.get("reached")) if signed else self._day(words.get("closed", words.get("close_planned")))
        custom = {reached["kind"]: str(self._day(reached.get("reached")))} if milestone and not signed else {}
        yield Deal(
            id=DEAL,
            account_id=ACCOUNT,
            name=words.get("name", "Deal"),
            stage=words.get("stage", ""),
            status=DealStatus(status) if status else None,
            amount=words.get("amount"),
            created_at=self.time(words.get("created", "1 year ago")),
            closed_on=closed,
            referred_by_contact_id="elsewhere" if self._of("account", "came_by_referral") else None,
            custom=custom,
        )
        if reached.get("contact"):
            yield DealContact(id="of-milestone", deal_id=DEAL, contact_id=self._named(reached["contact"]), is_primary=True)
        if touched := words.get("last_touch"):
            yield self._happened(self.time(touched), (), deal_id=DEAL)

    def _introduction(self) -> Iterator[Record]:
        words = self._given.get("introduction")
        if words is None:
            return
        source = self._named(words.get("source", self._of("contact", "name", "Carla")))
        met = self.time(words.get("last_touch"))
        if met is not None:
            yield Contact(id="introduced", name=words.get("person", "Ben"))
            yield self._happened(met, ("introduced",), account_id=None)
        yield Introduction(
            id=INTRODUCED,
            source_contact_id=source,
            person_name=words.get("person", "Ben"),
            person_contact_id="introduced" if met is not None else None,
            account_id=ACCOUNT,
            deal_id=DEAL if "deal" in self._given else None,
            owner_id=f"user-{words['rep']}" if "rep" in words else None,
            status=IntroductionStatus(words.get("status", "new")),
            status_since=self.time(words.get("status_since")),
            made_at=self.time(words.get("made", "10 days ago")),
            kind=words.get("kind", ""),
            note=words.get("note", ""),
        )
        if called := self.time(words.get("thanked_by_call")):
            yield self._happened(called, (source,))
        if wrote := self.time(words.get("thanked_by_email")):
            yield self._happened(wrote, (source,), kind=ActivityKind.EMAIL, direction=Direction.OUT)

    def _activities_of_account(self) -> Iterator[Record]:
        words = self._given.get("account", {})
        with_contact = () if "last_touch" in self._given.get("contact", {}) else (CONTACT,)
        for said, people in (
            (words.get("last_touch"), with_contact),
            *((said, with_contact) for said in words.get("touches", ())),
        ):
            if (at := self.time(said)) is not None:
                yield self._happened(at, people)
        if (ahead := self.time(words.get("next_meeting"))) is not None:
            yield self._happened(ahead, (), kind=ActivityKind.MEETING, status=ActivityStatus.PLANNED)
        for _ in range(words.get("open_tasks", 0)):
            yield self._happened(self.time("in 1 day"), (), kind=ActivityKind.TASK, status=ActivityStatus.PLANNED, direction=None)

    def _book_of_rep(self) -> Iterator[Record]:
        """Yield a rep with a book of customers, the first of them in touch since yesterday, and a prospect."""
        words = self._given.get("rep")
        if words is None:
            return
        yield User(id=REP, name=words.get("name", "Rita"), email="rep@example.com", manager_id="manager")
        yesterday = self.time("1 day ago")
        for number in range(words.get("book", 0)):
            own = f"customer-{number}"
            yield Account(id=own, name=f"Customer {number}", owner_id=REP, status=AccountStatus.CUSTOMER)
            if number < words.get("in_touch", 0):
                yield self._happened(yesterday, (), account_id=own, owner_id=REP)
        yield Account(id="prospect", name="Prospect", owner_id=REP, status=AccountStatus.PROSPECT)
        for _ in range(words.get("prospect_touches", 0)):
            yield self._happened(yesterday, (), account_id="prospect", owner_id=REP)

    def _named(self, name: str) -> str:
        found: Mapping[str, str] = {one.name: one.id for one in self._people() if isinstance(one, Contact)}
        return found.get(name, CONTACT)

    def _happened(self, at: Instant | None, people: tuple[str, ...], **changes: Any) -> Activity:
        self._activities += 1
        call: dict[str, Any] = {"kind": ActivityKind.CALL, "direction": Direction.IN, "status": ActivityStatus.DONE}
        where = {"account_id": ACCOUNT}
        return Activity(id=f"activity-{self._activities}", at=at, contact_ids=people, **{**call, **where, **changes})

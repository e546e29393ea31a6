"""One account with its people, deals and cases: what stands behind its history.

Law: an account follows from the seed, its number and the team; the same arguments give the same book.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from refsync.model import (
    Account,
    AccountStatus,
    Case,
    Contact,
    Deal,
    DealContact,
    DealStatus,
    Instant,
    moment,
)
from refsync_sandbox.generator.names import INDUSTRIES, TITLES, company, person
from refsync_sandbox.generator.team import Rep, Team

DAY = 86_400_000
ROLES = ("champion", "economic_buyer", "decision_maker", "user", "technical_buyer", "finance")
LIMITS = {"A": 30, "B": 60}
"""Days after which customers of a tier count as neglected; 120 for all others."""
REVENUE_STEP = 1_000_000
"""Revenues are random multiples of this plus the account's number: no two are alike."""


def limit_of(tier: str) -> int:
    return LIMITS.get(tier, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An account on stage: what its history is told from."""

    rng: Random
    number: int
    now: Instant
    account: Account
    contacts: tuple[Contact, ...]
    deals: tuple[Deal, ...]
    rep: Rep

    @property
    def age(self) -> int:
        """Whole days since the account was created."""
        return (self.now - (self.account.created_at or self.now)) // DAY


def account_id(number: int) -> str:
    return f"A-{number:06}"


def contact_id(number: int, n: int) -> str:
    return f"C-{number:06}-{n}"


def scene(number: int, seed: int, now: Instant, team: Team) -> Scene:
    """Return the account with this number and who and what belongs to it."""
    rng = Random(f"{seed}/{number}")  # noqa: S311  # a book, not a secret
    rep = rng.choice(team.reps)
    account = _account(rng, number, now, rep, team)
    contacts = tuple(_contact(rng, account, number, n, now, team) for n in range(1, 1 + rng.choice((1, 2, 2, 3, 3, 3, 4, 6))))
    deals = tuple(_deals(rng, account, number, now))
    return Scene(rng=rng, number=number, now=now, account=account, contacts=contacts, deals=deals, rep=rep)


def day_of(now: Instant, ago: int) -> date:
    """Return the UTC day so many days before now; negative: ahead."""
    return moment(now).date() - timedelta(days=ago)


def _account(rng: Random, number: int, now: Instant, rep: Rep, team: Team) -> Account:
    tier = rng.choices(("A", "B", "C", ""), (15, 30, 50, 5))[0]
    status = rng.choices((*AccountStatus, None), (60, 30, 8, 2))[0]
    age = rng.choice((1, 5, 12, 29, 30, 31)) if rng.random() < 0.05 else rng.randint(40, 1800)
    millions = {"A": rng.randint(200, 4_000), "B": rng.randint(20, 400)}.get(tier, rng.randint(1, 40))
    return Account(
        id=account_id(number),
        name=company(rng, number),
        owner_id=rep.user.id if rng.random() < 0.99 else None,
        parent_id=account_id(number - number % 12) if number % 12 in (3, 4, 7) else None,
        status=status,
        tier=tier,
        industry=rng.choice(INDUSTRIES),
        annual_revenue=float(millions * REVENUE_STEP + number),
        created_at=now - now % DAY - age * DAY + rng.randrange(8 * 60, 17 * 60) * 60_000 - DAY * (age == 0),
        do_not_contact=rng.random() < 0.02,
        custom=_milestones(rng, status, age, now),
    )


def _milestones(rng: Random, status: AccountStatus | None, age: int, now: Instant) -> dict[str, str]:
    """Return the days of go-live and of proven return, some of them at the edge of what a rule asks for, some ahead."""
    if status is not AccountStatus.CUSTOMER or rng.random() < 0.4:
        return {}
    edge = (5, 6, 7, 8, 119, 120, 121)
    live = rng.choice(edge) if rng.random() < 0.1 else rng.randint(-60, max(1, min(age, 700)))
    proven = rng.choice(edge) if rng.random() < 0.1 else live - rng.randint(30, 200)
    found = {"go_live_on": day_of(now, live).isoformat()}
    return found | ({"roi_proven_on": day_of(now, proven).isoformat()} if rng.random() < 0.5 else {})


def _contact(rng: Random, account: Account, number: int, n: int, now: Instant, team: Team) -> Contact:
    created = account.created_at or now
    return Contact(
        id=contact_id(number, n),
        account_id=account.id,
        name=person(rng),
        email=f"person{n}@company{number}.example" if rng.random() < 0.95 else "",
        phone=f"+1 555 {rng.randrange(10**7):07}" if rng.random() < 0.6 else "",
        title=rng.choice(TITLES),
        owner_id=account.owner_id if rng.random() < 0.9 else rng.choice(team.reps).user.id,
        created_at=created + rng.randrange(max(1, (now - created) // 60_000 // 4)) * 60_000,
        do_not_contact=rng.random() < 0.03,
    )


def _deals(rng: Random, account: Account, number: int, now: Instant) -> Iterator[Deal]:
    wanted = {
        AccountStatus.CUSTOMER: [DealStatus.WON, *rng.choices(tuple(DealStatus), k=rng.choice((0, 0, 1, 2)))],
        AccountStatus.FORMER: [DealStatus.WON, DealStatus.LOST],
    }.get(account.status or AccountStatus.PROSPECT, rng.choices((DealStatus.OPEN, DealStatus.LOST), k=rng.choice((0, 1, 1))))
    created = account.created_at or now
    age = (now - created) // DAY
    for n, status in enumerate(wanted, start=1):
        closed = rng.choice((6, 7, 8, 90, 119, 120, 121)) if rng.random() < 0.15 else rng.randint(0, age)
        source = rng.choices(("referral", "inbound", "outbound", ""), (15, 35, 45, 5))[0]
        yield Deal(
            id=f"D-{number:06}-{n}",
            account_id=account.id,
            name=f"{account.name}: {rng.choice(('first order', 'extension', 'renewal', 'pilot'))}",
            stage={DealStatus.WON: "closed_won", DealStatus.LOST: "closed_lost"}.get(status)
            or rng.choice(("qualified", "proposal")),
            status=status,
            amount=float(rng.randint(5, 900) * 500),
            currency=rng.choice(("EUR", "USD", "USD")),
            owner_id=account.owner_id,
            created_at=created + rng.randrange(max(1, (now - created) // 60_000 // 2)) * 60_000,
            closed_on=None if status is DealStatus.OPEN else day_of(now, min(closed, age)),
            referred_by_contact_id=contact_id(rng.randrange(number), 1) if source == "referral" and number else None,
            custom={"source": source} if source else {},
        )


def parts(scene: Scene) -> Iterator[DealContact]:
    """Yield who takes part in which deal, and as what."""
    for deal in scene.deals:
        people = scene.contacts[: scene.rng.randint(1, 4)]
        for n, (contact, role) in enumerate(zip(people, scene.rng.sample(ROLES, len(people)), strict=True)):
            yield DealContact(
                id=f"{deal.id}:{contact.id}:{role}", deal_id=deal.id, contact_id=contact.id, role=role, is_primary=n == 0
            )


def cases(scene: Scene) -> Iterator[Case]:
    """Yield the support cases of the account, some escalated, some still open."""
    if (rng := scene.rng).random() > 0.1:
        return
    for n in range(1, rng.choice((2, 2, 3))):
        opened = scene.now - rng.randint(0, min(scene.age, 300)) * DAY - rng.randrange(60, 600) * 60_000
        closed = min(opened + rng.randint(1, 30) * DAY, scene.now) if rng.random() < 0.6 else None
        yield Case(
            id=f"K-{scene.number:06}-{n}",
            account_id=scene.account.id,
            subject=rng.choice(("Login fails", "Wrong invoice, again", 'Error "42"', "Slow export")),
            priority=rng.choice(("low", "medium", "high")),
            status="closed" if closed else rng.choice(("new", "working")),
            escalated=rng.random() < 0.4,
            opened_at=max(opened, scene.account.created_at or opened),
            closed_at=closed and max(closed, (scene.account.created_at or closed) + 60_000),
        )

"""The people who sell: reps in teams under managers, in several time zones, some of them gone."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from refsync.model import User
from refsync_sandbox.generator.names import person

ACCOUNTS_PER_REP = 120
REPS_PER_TEAM = 8
ZONES = ("Europe/Berlin", "America/New_York", "Europe/London", "Asia/Tokyo", "America/Los_Angeles", "Australia/Sydney")
TEMPERS = (0.97, 0.9, 0.75, 0.5, 0.2)
"""How much of their book reps keep in touch with: from those who touch everything to those who neglect it."""


@dataclass(frozen=True, slots=True)
class Rep:
    user: User
    care: float
    """The share of their accounts that they keep in touch with."""


@dataclass(frozen=True, slots=True)
class Team:
    users: tuple[User, ...]
    """Everybody, those first whom others report to."""
    reps: tuple[Rep, ...]


def team(accounts: int, seed: int) -> Team:
    """Return the people for a book of so many accounts: at least five reps, every ninth of them gone."""
    rng = Random(f"{seed}/team")  # noqa: S311  # a book, not a secret
    count = max(5, round(accounts / ACCOUNTS_PER_REP))
    head = _user(rng, 0, None, ZONES[0])
    managers = [_user(rng, 1 + number, head.id, ZONES[number % len(ZONES)]) for number in range(-(-count // REPS_PER_TEAM))]
    reps = []
    for number in range(count):
        manager = managers[number // REPS_PER_TEAM]
        zone = manager.time_zone if rng.random() < 0.8 else rng.choice(ZONES)
        active = number % 9 != 4
        user = _user(rng, 1 + len(managers) + number, manager.id, zone, active=active)
        reps.append(Rep(user, TEMPERS[number % len(TEMPERS)] if active else 0.3))
    return Team((head, *managers, *(rep.user for rep in reps)), tuple(reps))


def _user(rng: Random, number: int, manager_id: str | None, time_zone: str, *, active: bool = True) -> User:
    return User(
        id=f"U-{number:04}",
        name=person(rng),
        email=f"rep{number:04}@seller.example",
        active=active,
        manager_id=manager_id,
        time_zone=time_zone,
    )

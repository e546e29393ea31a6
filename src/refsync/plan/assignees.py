"""Whose a task is: the first active person in the list that the rule, or else the company, gives, unless they are away.

Law: never a task for somebody who has left. Who is meant by an entry of the list depends on the subject alone, so the owner of an
open task can be worked out again at any time, and follows when the account changes hands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from refsync.company import Away
from refsync.model import Instant, User
from refsync.plan.situation import People


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The people round a subject."""

    owner_id: str | None = None
    """The owner of the account; of a rule about reps the rep."""
    contact_id: str | None = None
    """The person of the subject itself; whoever `with` picks is none of this."""
    deal_id: str | None = None
    rep_id: str | None = None
    """Who received an introduction."""
    is_account: bool = False
    """Whether the subject is the account itself, which names no person and no deal."""


Assigned: TypeAlias = tuple[User, str]
"""Somebody, and the entry of the list that led there."""


def on_duty(found: Sequence[Assigned], away: Away, now: Instant, due: Instant) -> Assigned | None:
    """Return who of these, one at least, gets a task: the first, or the next who is there while that person is away.

    Away is who is so from now until it is `due`: who comes back before can still do it. Where all are, the first gets it: a task
    needs somebody. None: the company lets it wait until that person is back.
    """
    usual = found[0]
    if not usual[0].is_away(now, due):
        return usual
    if away == "wait until back":
        return None
    return next((one for one in found if not one[0].is_away(now, due)), usual)


class Assignees:
    """Finds people by the entries of such lists."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._by_name: dict[str, list[User]] = {}
        for user in sorted(people.users.values(), key=lambda user: (not user.active, user.name, user.email, user.id)):
            for name in {user.email.casefold(), user.name.casefold()} - {""}:
                self._by_name.setdefault(name, []).append(user)

    def first(self, steps: Sequence[str], about: About, holder_id: str = "") -> Assigned | None:
        """Return the first active person of a list; `holder_id` has the task now, for `manager`. None: nobody is there."""
        return next(self.active(steps, about, holder_id), None)

    def active(self, steps: Sequence[str], about: About, holder_id: str = "") -> Iterator[Assigned]:
        """Yield the active people of a list, as `first` does the first of them."""
        found = ((self._person(step, about, holder_id), step) for step in steps)
        return ((user, step) for user, step in found if user and user.active)

    def named(self, name: str) -> User | None:
        """Return the user, or the queue that the CRM lists among its users, of this e-mail or name, whatever its case.

        Of several with one name the active one is meant; if there are several active ones, nobody.
        """
        known = self._by_name.get(name.strip().casefold(), [])
        return None if len([user for user in known if user.active]) > 1 else next(iter(known), None)

    def _person(self, step: str, about: About, holder_id: str) -> User | None:
        users = self._people.users
        match step:
            case "contact.owner":
                owner = None if about.is_account else self._people.contact_owner.get(about.contact_id or "")
            case "deal.owner":
                owner = None if about.is_account else self._people.deal_owner.get(about.deal_id or "")
            case "introduction.rep":
                owner = about.rep_id
            case "account.owner" | "rep":
                owner = about.owner_id
            case "account.owner.manager" | "rep.manager":
                owner = self._manager_of(about.owner_id)
            case "manager":
                owner = self._manager_of(holder_id)
            case _:
                return self.named(step.removeprefix("user:").removeprefix("queue:"))
        return users.get(owner or "")

    def _manager_of(self, user_id: str | None) -> str | None:
        user = self._people.users.get(user_id or "")
        return user.manager_id if user else None

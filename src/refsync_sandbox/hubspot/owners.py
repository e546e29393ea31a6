"""The people (and queues) who can own records.

Law: an owner who leaves is archived, not gone: records go on pointing at the id, and the reply no longer holds a user id or an
e-mail address (as seen in replies that others recorded).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from refsync.model import Instant, iso

_FIRST_ID, _FIRST_USER_ID, _GAP = 100_500_001, 7_300_001, 7
PROFILE = ("time_zone", "away_from", "away_until")
"""The fields that only the user object of a person shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One owner; `user_id` is another number, as in older portals."""

    id: str
    user_id: int
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    queue: bool = False
    """Whether it is no person but a queue of work."""
    archived: bool = False
    time_zone: str = ""
    away_from: Instant | None = None
    away_until: Instant | None = None
    created_at: Instant = 0
    updated_at: Instant = 0

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def as_json(self) -> dict[str, Any]:
        """Return the owner as the owners API shows it."""
        kind = "QUEUE" if self.queue else "PERSON"
        body: dict[str, Any] = {"id": self.id, "type": kind, "firstName": self.first_name, "lastName": self.last_name}
        body |= {"createdAt": iso(self.created_at), "updatedAt": iso(self.updated_at), "archived": self.archived}
        if self.queue:
            return body
        if self.archived:
            return body | {"userIdIncludingInactive": self.user_id}
        return body | {"email": self.email, "userId": self.user_id, "userIdIncludingInactive": self.user_id}


class Owners:
    """All owners of a portal, in the order in which they came."""

    def __init__(self, *, now: Instant) -> None:
        self._now = now
        self._all: dict[str, Owner] = {}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Take back everything done inside when an exception leaves it."""
        before = dict(self._all)
        try:
            yield
        except BaseException:
            self._all = before
            raise

    def find(self, owner_id: str) -> Owner | None:
        return self._all.get(owner_id)

    def all(self, *, archived: bool) -> Iterator[Owner]:
        """Yield the owners who are there, or those who left."""
        return (one for one in self._all.values() if one.archived == archived)

    def add(self, *, name: str, email: str, active: bool, queue: bool = False, **more: Any) -> Owner:
        """Take in a person, or a queue, and return them; `more` are further fields of an `Owner`."""
        first, last = split_name(name)
        number = len(self._all)
        owner = Owner(
            id=str(_FIRST_ID + number * _GAP),
            user_id=_FIRST_USER_ID + number,
            first_name=first,
            last_name=last,
            email=email,
            queue=queue,
            archived=not active,
            created_at=self._now,
            updated_at=self._now,
            **more,
        )
        self._all[owner.id] = owner
        return owner

    def change(self, owner_id: str, *, now: Instant, **fields: Any) -> Owner:
        """Change fields of a person, and return them."""
        self._all[owner_id] = replace(self._all[owner_id], updated_at=now, **fields)
        return self._all[owner_id]


def split_name(name: str) -> tuple[str, str]:
    """Return first and last name; a single word is the last name."""
    first, _, last = name.partition(" ")
    return (first, last) if last else ("", first)

"""Who to talk to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select

from refsync.model import Instant
from refsync.rules.rule import Match, Person


def people(connection_id: str, account_ids: Sequence[str], now: Instant) -> Select[Any]:
    """Return a SELECT of everybody known at these accounts (give it a few hundred ids at a time)."""
    raise NotImplementedError


def pick(with_: Sequence[str], match: Match, rows: Sequence[Mapping[str, Any]]) -> Person | None:
    """Return the person to talk to, from the `people` rows of the match's account; None when there is nobody."""
    raise NotImplementedError

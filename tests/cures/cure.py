"""A cure: what keeps a bug that other tools have shipped out of refsync, and how to take it away.

Law: a numbered test is worth something only if it fails as soon as its cure is gone. `make test-cures` takes each away in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

Removal: TypeAlias = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """What keeps one numbered bug away."""

    bug: str
    """What other tools do."""
    gone: str
    """What refsync no longer does when the cure is removed."""
    remove: Removal


def replaced(owner: Any, name: str, by: Any) -> Removal:
    """Return the removal that puts something else in the place of an attribute that exists."""
    return lambda patch: patch.setattr(owner, name, by)


def both(*removals: Removal) -> Removal:
    """Return several removals as one."""

    def remove(patch: pytest.MonkeyPatch) -> None:
        for one in removals:
            one(patch)

    return remove

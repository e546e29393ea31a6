"""What the mirror says of findings that are not over: the planner decides by it whether they go on, and with whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from refsync.plan.assignees import About


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """By the keys of findings; what is not named goes on."""

    gone: Mapping[str, str] = field(default_factory=dict)
    """Tasks whose cause is no longer there, with what is seen instead."""
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    """Findings that must not be asked for any more, with the setting that says so."""
    about: Mapping[str, About] = field(default_factory=dict)
    """Who is round the subjects of open tasks; empty while owners are not known for certain."""

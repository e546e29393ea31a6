"""What is to go wrong, armed through the control API: which calls, how, and before or after the CRM carried them out.

Law: the same seed and the same calls give the same faults. Faults are tried in the order in which they were armed; the first that
strikes is the one that happens.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from refsync.errors import did_you_mean


class Kind(StrEnum):
    """How a call goes wrong."""

    STATUS = "status"
    """It is answered with `status`, `headers` and `body`."""
    CLOSE = "close"
    """The connection ends without a reply."""
    RESET = "reset"
    """The connection is reset."""
    HANG = "hang"
    """Nothing comes, and the connection stays open, for `seconds`."""
    DRIP = "drip"
    """The reply comes byte by byte, one every `seconds`."""
    CUT = "cut"
    """The reply ends in its middle, and says that it is whole."""
    SHORT = "short"
    """The reply ends in its middle although it promised more."""
    EMPTY = "empty"
    """The reply has no body."""
    OBJECT = "object"
    """The body is `{}`."""
    HTML = "html"
    """The body is a page for people, with the status of a success."""
    REDIRECT = "redirect"
    """It is sent to `location`."""
    GZIP_BOMB = "gzip_bomb"
    """The body is small and unpacks to 64 MiB."""
    LONE_SURROGATE = "lone_surrogate"
    """One text of the reply holds half of a letter. This and the next spoil the field `about`, else the first text."""
    NOT_A_NUMBER = "not_a_number"
    """One value is NaN."""
    NULL_CHARACTER = "null_character"
    """One text holds U+0000."""
    HUGE_NUMBER = "huge_number"
    """One value is a whole number of 40 digits."""
    LONG_TEXT = "long_text"
    """One text has 300,000 characters."""
    WRONG_ENCODING = "wrong_encoding"
    """One text is not UTF-8."""
    REPEATED_KEY = "repeated_key"
    """One field stands twice in its record."""
    OWN = "own"
    """The CRM's own trouble called `name`, such as a limit of calls; each CRM lists its own."""


class When(StrEnum):
    BEFORE = "before"
    """The CRM does nothing."""
    AFTER = "after"
    """The CRM carries the call out, and then it goes wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One armed fault."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # read by pydantic

    kind: Kind
    endpoint: str = "*"
    """Which calls, by method and label as `GET /_sandbox/requests` names them; `*` and `?` as in file names."""
    when: When = When.BEFORE
    nth: int | None = None
    """Only this one of the calls it is about, counted from 1 since it was armed."""
    times: int | None = None
    """At most so often; None: no limit."""
    probability: float = 1.0
    seed: int = 0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    """For `status`; text that looks like HTML is sent as HTML, other text as JSON."""
    seconds: float = 60.0
    location: str = "https://elsewhere.example.com/"
    name: str = ""
    """For `own`: which one."""
    about: str = ""
    """For `own`: what it is about, such as a scope or a property, where that can be chosen. For a spoilt value: its field."""


class BadFault(ValueError):
    """A fault that cannot be armed; the message names it and what is wrong."""


@dataclass(slots=True)
class _Armed:
    fault: Fault
    chance: random.Random
    met: int = 0
    struck: int = 0

    def strikes(self, label: str) -> bool:
        if not fnmatchcase(label, self.fault.endpoint):
            return False
        self.met += 1
        likely = self.chance.random() < self.fault.probability  # drawn for each call, so that limits do not shift the draw
        if self.fault.nth not in {None, self.met} or (self.fault.times is not None and self.struck >= self.fault.times):
            return False
        self.struck += likely
        return likely


class Faults:
    """The faults that are armed now."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, faults: Sequence[Fault]) -> None:
        """Add faults behind those that are armed already."""
        self._armed += (_Armed(fault, random.Random(fault.seed)) for fault in faults)  # noqa: S311 - repeatable, not secret

    def disarm(self) -> None:
        """Let everything go well again."""
        self._armed.clear()

    def strike(self, label: str) -> Fault | None:
        """Return the fault that happens to this call, if any."""
        return next((armed.fault for armed in self._armed if armed.strikes(label)), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return what is armed, how many calls each fault was about and how many it struck."""
        return [
            {**{one.name: getattr(armed.fault, one.name) for one in fields(Fault)}, "met": armed.met, "struck": armed.struck}
            for armed in self._armed
        ]


def read_faults(body: object, own: Collection[str] = ()) -> list[Fault]:
    """Return the faults of a request body `{"faults": [{"kind": "close", ...}]}`; `own` are the CRM's. Raises BadFault."""
    listed = body.get("faults") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise BadFault('{"faults": [{"kind": "close", "endpoint": "POST *"}]} is needed')
    return [_read(number, given, own) for number, given in enumerate(listed)]


def _read(number: int, given: object, own: Collection[str]) -> Fault:
    try:
        fault = TypeAdapter(Fault).validate_python(given)
    except ValidationError as error:
        found = error.errors()[0]
        name = ".".join(map(str, found["loc"]))
        hint = did_you_mean(name, [one.name for one in fields(Fault)])
        raise BadFault(f"faults[{number}].{name}: {found['msg']}{f'; {hint}' if hint else ''}") from None
    if (fault.kind is Kind.OWN) != bool(fault.name) or (fault.name and fault.name not in own):
        hint = did_you_mean(fault.name, own) or f'"own" needs one of {", ".join(own) or "none: this CRM has none"}'
        raise BadFault(f"faults[{number}].name: {fault.name!r} is not known; {hint}")
    return fault

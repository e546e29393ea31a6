"""The referral check-list: yes/no questions about how a rep or a team looks after customers and earns referrals.

The law: every answer comes from counted facts of the CRM and carries them; where there is nothing to judge there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from refsync.rules.coverage.figures import Figures
from refsync.rules.rule import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One line of the check-list."""

    text: str
    """`{first}` is the most important segment, `{reconnect_after}` and the like are its lengths of time."""
    unit: str
    """What is counted, in the plural."""
    counted: Callable[[Figures], tuple[int, int | None]]
    """How many are well, of how many; None: one is enough, out of however many."""
    enough: float = 1.0
    """The share that makes a yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A question answered for somebody."""

    question: str
    yes: bool | None
    """None: there is nothing to judge."""
    well: int
    of: int | None
    """None: one was asked for, of no number in particular."""
    unit: str

    @property
    def figures(self) -> str:
        if self.of is None:
            return f"{self.well:,} {self.unit}"
        return f"{self.well:,} of {self.of:,} {self.unit}" if self.of else f"no {self.unit}"

    def as_json(self) -> dict[str, Any]:
        return {"question": self.question, "answer": self.yes, "well": self.well, "of": self.of, "unit": self.unit}


QUESTIONS: tuple[Question, ...] = (
    Question(
        text='Was every customer of segment "{first}" touched within {reconnect_after}?',
        unit="customers",
        counted=lambda f: (f.first_in_touch, f.first_customers),
    ),
    Question(
        text="Are four of five customers in touch, each within the limit of their segment?",
        unit="customers",
        counted=lambda f: (f.in_touch, f.customers),
        enough=0.8,
    ),
    Question(
        text="Has somebody spoken to every customer at least once?",
        unit="customers",
        counted=lambda f: (f.customers - f.never, f.customers),
    ),
    Question(
        text="Is there no customer who fell silent for {long_silence}?",
        unit="customers",
        counted=lambda f: (f.customers - f.silent, f.customers),
    ),
    Question(
        text="Are four of five people with a part in the sale or the implementation still in touch?",
        unit="people",
        counted=lambda f: (f.people - f.cold, f.people),
        enough=0.8,
    ),
    Question(
        text="Did at least half of the touches of 30 days go to others than prospects?",
        unit="touches",
        counted=lambda f: (f.touches - f.to_prospects, f.touches),
        enough=0.5,
    ),
    Question(
        text="Was a referral asked for after every milestone of 7 to 120 days ago?",
        unit="milestones",
        counted=lambda f: (f.earned_asked, f.earned),
    ),
    Question(text="Was a referral asked for in the last 30 days?", unit="asks", counted=lambda f: (f.asks_lately, None)),
    Question(
        text="Did a customer introduce somebody in the last 90 days?",
        unit="introductions",
        counted=lambda f: (f.lately, None),
    ),
    Question(
        text="Was every introduction of 90 days followed up within 2 business days?",
        unit="introductions",
        counted=lambda f: (f.followed, f.to_follow),
    ),
    Question(
        text="Was the source of every introduction thanked by a call?",
        unit="introductions",
        counted=lambda f: (f.called, f.call_owed),
    ),
    Question(
        text="Was the source of every introduction thanked by e-mail?",
        unit="introductions",
        counted=lambda f: (f.emailed, f.email_owed),
    ),
    Question(
        text="Did the source get a handwritten note, where the segment calls for one?",
        unit="introductions",
        counted=lambda f: (f.noted, f.note_owed),
    ),
    Question(
        text="Did the source hear how it went, whenever it came to something?",
        unit="outcomes",
        counted=lambda f: (f.told, f.outcomes),
    ),
)


def answers(figures: Figures, segments: Sequence[Segment]) -> tuple[Answer, ...]:
    """Return the check-list for these figures."""
    first = segments[0]
    lengths = {name: str(value) for name, value in first.parameters.items()}
    return tuple(_answer(one, figures, {**lengths, "first": first.name}) for one in QUESTIONS)


def _answer(question: Question, figures: Figures, settings: dict[str, str]) -> Answer:
    well, of = question.counted(figures)
    yes = well >= 1 if of is None else well >= question.enough * of if of else None
    return Answer(question=question.text.format(**settings), yes=yes, well=well, of=of, unit=question.unit)

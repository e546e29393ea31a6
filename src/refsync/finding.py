"""A finding: what a rule found about one subject, and what became of its task. The row of the ledger.

Laws: a key is made of CRM facts only, so that a rebuilt store gives the same keys; a finding that is over never lives again (one
whose task the CRM shows although this store never sent it gives way to what stands there).

    (new) ──► pending ──► sending ──► open ◄──► snoozed
                 ▲          ▲  │        │           │
    (new) ──► waiting ──────┘  └─► rejected         ▼
                 └────────────────────► done · dismissed · cleared · expired · withdrawn · undone

What a person does is final: a task that was deleted never comes back under its key, an edited one keeps its words, its day and
its owner, and one that was given to somebody else stays there.
"""

from __future__ import annotations

import hashlib
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from refsync.model import Instant, Task


class State(StrEnum):
    PENDING = "pending"
    """Matched, but not yet for as long as `settle` asks; nothing is in the CRM."""
    WAITING = "waiting"
    """`needs` is not met; another rule's task comes first."""
    SENDING = "sending"
    """Committed before the call that creates the task; until its outcome is known."""
    OPEN = "open"
    SNOOZED = "snoozed"
    """A person put it off; it is open again on the day they chose."""
    DONE = "done"
    """A person completed it. Unless somebody was in touch since it was written it is unverified, and resets no clock."""
    DISMISSED = "dismissed"
    """A person deleted the task: it never comes back."""
    CLEARED = "cleared"
    """Its cause is gone; refsync closed it."""
    EXPIRED = "expired"
    """Its time is over; refsync closed it."""
    WITHDRAWN = "withdrawn"
    """It must not be asked for any more, or nobody is there to do it; refsync closed it."""
    UNDONE = "undone"
    """An admin took its task back (`refsync undo`), untouched: as if it had been dismissed."""
    REJECTED = "rejected"
    """The CRM refused the task; the reason is in its words."""


ESCALATION = "escalation"
"""The kind of a task that tells a manager of another one that is overdue; its subject is that finding."""
LIVE = frozenset({State.PENDING, State.WAITING, State.SENDING, State.OPEN, State.SNOOZED})
WITH_TASK = frozenset({State.SENDING, State.OPEN, State.SNOOZED})
"""States in which a rep has, or may have, the task before them."""


class Finding(NamedTuple):
    """One row of the ledger.

    A tuple, because a run makes one of every row that there ever was: making frozen dataclasses was half of reading a ledger.
    """

    key: str
    rule: str
    kind: str
    """ask, care, thanks or follow-up."""
    subject_kind: str
    subject_id: str
    episode: str = ""
    """For a lapse the instant it began, or `never`; empty for events."""
    n: int = 0
    """How often it came before in this episode."""
    account_id: str | None = None
    contact_id: str | None = None
    deal_id: str | None = None
    owner_id: str = ""
    state: State = State.SENDING
    waiting_for: str = ""
    """The key of the finding whose task comes first."""
    subject: str = ""
    text: str = ""
    do: str = ""
    priority: str = ""
    due_on: date = date.min
    due_at: Instant = 0
    facts: str = "{}"
    """What the rule saw, as JSON."""
    task_id: str = ""
    reason: str = ""
    """Why it ended, or why the CRM refused it."""
    opened_at: Instant = 0
    closed_at: Instant | None = None
    sent_at: Instant | None = None
    """When its create was last sent."""
    missed_at: Instant | None = None
    """When the CRM, asked what became of that, first showed no task of it."""
    run: str = ""
    edited: str = ""
    """What a person changed of the task, of `owner`, `due`, `subject` and `text`, with spaces between."""
    holder_id: str = ""
    """To whom a person gave it; empty: `owner_id` has it."""
    moved_to: date | None = None
    """The day to which a person moved it."""
    ending: State | None = None
    """The state it gets once the CRM has closed its task; committed before the call."""
    next_owner_id: str = ""
    """Whose it is once the CRM has moved its task; committed before the call."""
    verified_at: Instant | None = None
    """For what is done: when it was seen that somebody was in touch since it was written."""

    @property
    def due_now(self) -> date:
        """The day on which it is due: as it was written, or as a person moved it."""
        return self.moved_to or self.due_on

    @property
    def task(self) -> Task:
        """The task as a rep is to see it."""
        return Task(
            key=self.key,
            rule=self.rule,
            subject=self.subject,
            text=self.text,
            do=self.do,
            priority=self.priority,
            due_on=self.due_on,
            due_at=self.due_at,
            owner_id=self.owner_id,
            account_id=self.account_id,
            contact_id=self.contact_id,
            deal_id=self.deal_id,
        )


def finding_key(org: str, rule: str, subject_kind: str, subject_id: str, episode: str, n: int) -> str:
    """Return the key of a finding's task: 64 hex digits of the org (or portal) and the finding's identity."""
    readable = f"{org}|{rule}/{subject_kind}:{subject_id}/{episode}/{n}"
    return hashlib.sha256(readable.encode()).hexdigest()

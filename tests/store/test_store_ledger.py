"""The ledger: what a key goes through, and that nothing is done twice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from refsync.connector import Outcome, OutcomeKind
from refsync.finding import Finding, State
from refsync.store import ledger
from refsync.store.engine import Database, Store
from refsync.store.tasks import history

WRITTEN = Outcome(kind=OutcomeKind.WRITTEN, task_id="00T1")
REJECTED = Outcome(kind=OutcomeKind.REJECTED, reason="owner inactive")


def made(key: str = "k", **values: Any) -> Finding:
    return Finding(
        **{
            "key": key,
            "rule": "reconnect",
            "kind": "care",
            "subject_kind": "account",
            "subject_id": "a",
            "account_id": "a",
            "owner_id": "u",
            "subject": "Call Acme",
            "text": "It has been long.",
            "facts": '{"last":1}',
            "do": "call",
            "priority": "high",
            "due_on": date(2024, 3, 1),
            "due_at": 5,
            "opened_at": 1,
            "sent_at": 1,
            "run": "r1",
            **values,
        }
    )


def only(db: Database, connection: str) -> Finding:
    (found,) = ledger.everything(db, connection)
    return found


def test_finding_is_kept_whole(store: Store, connection: str) -> None:
    """What is entered can be read again with every field."""
    whole = made(contact_id="c", deal_id="d", episode="never", n=2, waiting_for="w", task_id="t", reason="r", closed_at=9)
    with store.write() as db:
        ledger.intend(db, connection, [whole])
        found = ledger.in_state(db, connection, State.SENDING)

    assert [whole] == found


def test_key_enters_once(store: Store, connection: str) -> None:
    """A known key stays as it is, and only new keys are reported."""
    with store.write() as db:
        first = ledger.intend(db, connection, [made("a"), made("b")])
        second = ledger.intend(db, connection, [made("b", owner_id="other"), made("c")])
        owners = {one.key: one.owner_id for one in ledger.everything(db, connection)}

    assert ({"a", "b"}, {"c"}) == (set(first), set(second))
    assert {"a": "u", "b": "u", "c": "u"} == owners


def test_many_findings_enter_at_once(store: Store, connection: str) -> None:
    """A first run may bring thousands of findings."""
    with store.write() as db:
        new = ledger.intend(db, connection, [made(str(number)) for number in range(2500)])

    assert 2500 == len(new)


@pytest.mark.parametrize(
    ("outcome", "state", "task_id", "reason"),
    [
        (WRITTEN, State.OPEN, "00T1", ""),
        (Outcome(kind=OutcomeKind.ADOPTED, task_id="00T2"), State.OPEN, "00T2", ""),
        (REJECTED, State.REJECTED, "", "owner inactive"),
        (Outcome(kind=OutcomeKind.UNSENT, reason="refused"), State.PENDING, "", "refused"),
        (Outcome(kind=OutcomeKind.UNCERTAIN, reason="timeout"), State.SENDING, "", "timeout"),
    ],
)
def test_outcome_settles_what_was_sent(
    store: Store, connection: str, outcome: Outcome, state: State, task_id: str, reason: str
) -> None:
    """A task is open once it is written or adopted; refused, unsent and uncertain ones say why."""
    with store.write() as db:
        ledger.intend(db, connection, [made()])
        ledger.settle(db, connection, "k", outcome, at=7)
        found = only(db, connection)

    assert (state, task_id, reason) == (found.state, found.task_id, found.reason)


@pytest.mark.parametrize(
    ("kind", "sent_at"), [(OutcomeKind.UNCERTAIN, 7), (OutcomeKind.UNSENT, None), (OutcomeKind.WRITTEN, 1)], ids=str
)
def test_wait_counts_from_the_last_uncertain_outcome(
    store: Store, connection: str, kind: OutcomeKind, sent_at: int | None
) -> None:
    """After an unknown outcome `sent_at` is that instant; what was not sent has none."""
    with store.write() as db:
        ledger.intend(db, connection, [made()])
        ledger.settle(db, connection, "k", Outcome(kind=kind), at=7)
        found = only(db, connection)

    assert sent_at == found.sent_at


@pytest.mark.parametrize("state", [State.DONE, State.OPEN, State.WAITING, State.DISMISSED])
def test_only_what_is_being_sent_is_settled(store: Store, connection: str, state: State) -> None:
    """A late outcome changes nothing that has moved on."""
    with store.write() as db:
        ledger.intend(db, connection, [made(state=state)])
        ledger.settle(db, connection, "k", REJECTED, at=7)
        found = only(db, connection)

    assert state == found.state


def test_waiting_finding_is_sent_with_its_new_words(store: Store, connection: str) -> None:
    """When a waiting or refused finding is sent at last, it takes its new text, owner and due day and loses its reason."""
    with store.write() as db:
        ledger.intend(
            db, connection, [made(state=State.WAITING, waiting_for="other", reason="was refused", closed_at=3, sent_at=None)]
        )
        ready = ledger.send(db, connection, [made(text="New words.", owner_id="v", due_on=date(2024, 5, 1), sent_at=8)])
        (found,) = ledger.in_state(db, connection, State.SENDING)

    assert {"k"} == ready
    assert made(text="New words.", owner_id="v", due_on=date(2024, 5, 1), sent_at=8) == found


@pytest.mark.parametrize("state", [State.OPEN, State.SNOOZED, State.DONE, State.DISMISSED, State.EXPIRED])
def test_what_has_a_task_or_is_over_is_not_sent(store: Store, connection: str, state: State) -> None:
    """A finding whose task exists, or that is over, is never sent again, nor is an unknown one."""
    with store.write() as db:
        ledger.intend(db, connection, [made(state=state)])
        ready = ledger.send(db, connection, [made(text="New words."), made("unknown")])
        found = only(db, connection)

    assert (frozenset(), state) == (ready, found.state)


def test_what_is_over_stays_over(store: Store, connection: str) -> None:
    """A finding is closed once; a second close changes nothing."""
    with store.write() as db:
        ledger.intend(db, connection, [made(state=State.OPEN)])
        closed = [ledger.close(db, connection, "k", state, state.value, 5) for state in (State.CLEARED, State.EXPIRED)]
        found = only(db, connection)

    assert ([True, False], State.CLEARED, "cleared", 5) == (closed, found.state, found.reason, found.closed_at)


def test_closing_into_a_live_state_is_refused(store: Store, connection: str) -> None:
    """Closing means that it is over."""
    with store.write() as db, pytest.raises(ValueError, match="open is no state of a closed finding"):
        ledger.close(db, connection, "k", State.OPEN, "", 5)


def test_pending_findings_can_be_forgotten(store: Store, connection: str) -> None:
    """A pending finding goes without a trace; one that was ever sent does not."""
    with store.write() as db:
        ledger.intend(db, connection, [made("pending", state=State.PENDING), made("open", state=State.OPEN)])
        ledger.forget(db, connection, ["pending", "open"], at=9)
        left = [one.key for one in ledger.everything(db, connection)]

    assert ["open"] == left


@pytest.mark.parametrize("state", [State.PENDING, State.WAITING, State.REJECTED, State.WITHDRAWN])
def test_standing_task_outweighs_a_finding_that_has_none(store: Store, connection: str, state: State) -> None:
    """What this ledger never sent, one that was lost did; what it sent itself, or is sending, stays as it is."""
    standing = [made(key, state=State.OPEN, task_id="new") for key in ("none", "has", "sending")]
    with store.write() as db:
        before = [made("none", state=state), made("has", state=State.DONE, task_id="old"), made("sending")]
        ledger.intend(db, connection, before)
        ledger.adopt(db, connection, standing, at=9)
        found = {one.key: (one.state, one.task_id) for one in ledger.everything(db, connection)}
        story = [(one.before, one.after) for one in history.of_keys(db, connection, ["none"])]

    assert {"none": (State.OPEN, "new"), "has": (State.DONE, "old"), "sending": (State.SENDING, "")} == found
    assert [(None, state), (state, None), (None, State.OPEN)] == story


def test_deleted_task_is_dismissed(store: Store, connection: str) -> None:
    """A task that a person deleted never comes back; a finding that is over stays as it was."""
    with store.write() as db:
        ledger.intend(db, connection, [made("a", state=State.OPEN, task_id="1"), made("b", state=State.DONE, task_id="2")])
        dismissed = ledger.dismiss(db, connection, ["1", "2", "3"], at=9)
        found = {one.key: one.state for one in ledger.everything(db, connection)}

    assert (1, {"a": State.DISMISSED, "b": State.DONE}) == (dismissed, found)

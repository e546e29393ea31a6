"""The story of a finding: each change of its state is a row, in the transaction of the change."""

from __future__ import annotations

from datetime import date
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refsync.connector import Outcome, OutcomeKind
from refsync.finding import LIVE, Finding, State
from refsync.store import ledger
from refsync.store.engine import Store
from refsync.store.tasks import history

numbers = count(1)


def made(key: str = "k", state: State = State.SENDING, account_id: str = "a") -> Finding:
    about = {"rule": "reconnect", "kind": "care", "subject_kind": "account", "subject_id": account_id, "account_id": account_id}
    return Finding(key=key, state=state, owner_id="u", due_on=date(2024, 3, 1), opened_at=1, run="r1", **about)  # type: ignore[arg-type]


def test_story_of_a_task(store: Store, connection: str) -> None:
    """A task that was written and deleted by a person tells so, each step with its time, reason and run."""
    with store.write() as db:
        ledger.intend(db, connection, [made()])
        ledger.settle(db, connection, "k", Outcome(kind=OutcomeKind.WRITTEN, task_id="T"), at=2, run="r1")
        ledger.dismiss(db, connection, ["T"], at=3, run="r2")
        story = history.of_account(db, connection, "a")

    told = [(one.number, one.at, one.before, one.after, one.why, one.run) for one in story]
    assert [
        (1, 1, None, State.SENDING, "", "r1"),
        (2, 2, State.SENDING, State.OPEN, "", "r1"),
        (3, 3, State.OPEN, State.DISMISSED, "deleted in the CRM", "r2"),
    ] == told


def test_what_comes_to_nothing_is_told_too(store: Store, connection: str) -> None:
    """A pending finding that was dropped and came again goes on with its story."""
    with store.write() as db:
        for at in (5, 7):
            ledger.intend(db, connection, [made(state=State.PENDING)], at=at)
            ledger.forget(db, connection, ["k"], at=at + 1, run="r1")
        story = history.of_keys(db, connection, ["k"])

    assert [(1, 5, State.PENDING), (2, 6, None), (3, 7, State.PENDING), (4, 8, None)] == [
        (one.number, one.at, one.after) for one in story
    ]


def test_story_is_of_one_account(store: Store, connection: str) -> None:
    """The story of an account tells nothing of another's findings."""
    with store.write() as db:
        ledger.intend(db, connection, [made("one"), made("two", account_id="b")])
        story = history.of_account(db, connection, "b")

    assert ["two"] == [one.key for one in story]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["settle", "send", "wait", "close", "dismiss", "forget", "intend"]),
        st.sampled_from(OutcomeKind),
        st.sampled_from(sorted(set(State) - LIVE)),
        st.sampled_from([State.SENDING, State.WAITING, State.PENDING]),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_last_row_tells_the_state(store: Store, steps: list[tuple[str, OutcomeKind, State, State]]) -> None:
    """Whatever happens, the rows of a story are linked, and the last one tells the state of the finding."""
    connection = f"story-{next(numbers)}"
    with store.write() as db:
        for at, (step, kind, closed, begun) in enumerate(steps, start=2):
            match step:
                case "settle":
                    ledger.settle(db, connection, "k", Outcome(kind=kind, task_id="T"), at=at)
                case "send":
                    ledger.send(db, connection, [made()])
                case "wait":
                    ledger.wait(db, connection, [made(state=State.WAITING)])
                case "close":
                    ledger.close(db, connection, "k", closed, "over", at)
                case "dismiss":
                    ledger.dismiss(db, connection, ["T"], at)
                case "forget":
                    ledger.forget(db, connection, ["k"], at)
                case _:
                    ledger.intend(db, connection, [made(state=begun)])
        story = sorted(history.of_keys(db, connection, ["k"]), key=lambda one: one.number)
        states = [one.state for one in ledger.everything(db, connection)]

    assert [None, *(one.after for one in story[:-1])] == [one.before for one in story] or not story
    assert states == [one.after for one in story[-1:] if one.after]

"""The lease: one holder at a time, and nobody who lost it can write."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from refsync.errors import LeaseLost
from refsync.store import lease
from refsync.store.engine import Store, open_store
from refsync.store.tables import lease as table

TTL = 60


def may_write(store: Store, connection: str, token: int, now: int = 0, **demand: int) -> bool:
    """Return whether the holder of a token gets past the fence."""
    try:
        with store.write() as db:
            lease.fence(db, connection, token, now, **demand)
    except LeaseLost:
        return False
    return True


def test_second_holder_waits(store: Store, connection: str) -> None:
    """While one holds the lease another gets none; released, it is free at once."""
    first = lease.acquire(store, connection, "one", TTL, now=100)
    refused = lease.acquire(store, connection, "two", TTL, now=159)
    lease.release(store, connection, first or 0)
    second = lease.acquire(store, connection, "two", TTL, now=101)

    assert (1, None, 2) == (first, refused, second)


def test_lease_that_ran_out_is_taken_over_and_its_holder_fenced_off(store: Store, connection: str) -> None:
    """After its time the lease goes to who asks; the old holder can neither write nor renew nor release it."""
    old = lease.acquire(store, connection, "old", TTL, now=100) or 0
    before = may_write(store, connection, old, now=160)
    new = lease.acquire(store, connection, "new", TTL, now=160) or 0
    with pytest.raises(LeaseLost):
        lease.renew(store, connection, old, TTL, now=161)
    lease.release(store, connection, old)

    assert (True, False, True) == (before, may_write(store, connection, old), may_write(store, connection, new))


def test_renewed_lease_lasts_longer(store: Store, connection: str) -> None:
    """Renewing counts from now, also when nobody took a lease that had run out."""
    token = lease.acquire(store, connection, "one", TTL, now=100) or 0
    lease.renew(store, connection, token, TTL, now=170)

    assert lease.acquire(store, connection, "two", TTL, now=229) is None


def test_released_lease_is_no_longer_ours(store: Store, connection: str) -> None:
    """Who gave the lease back can neither write nor renew it."""
    token = lease.acquire(store, connection, "one", TTL, now=100) or 0
    lease.release(store, connection, token)
    with pytest.raises(LeaseLost):
        lease.renew(store, connection, token, TTL, now=101)

    assert not may_write(store, connection, token)


@pytest.mark.parametrize(("now", "enough"), [(130, True), (131, False)])
def test_enough_time_must_be_left_for_a_call(store: Store, connection: str, now: int, *, enough: bool) -> None:
    """Before a call the fence demands more time than the call may take."""
    token = lease.acquire(store, connection, "one", TTL, now=100) or 0

    assert enough == may_write(store, connection, token, now, time_left=30)


def test_connections_have_leases_of_their_own(store: Store, connection: str) -> None:
    """Two connections are run at the same time."""
    tokens = [lease.acquire(store, name, "one", TTL, now=100) for name in (connection, connection + "b")]

    assert [1, 1] == tokens


def test_clock_is_the_hosts_or_the_databases(store: Store) -> None:
    """SQLite takes the host's clock, PostgreSQL its own."""
    found = lease.clock(store, 5)

    assert found == 5 if store.dialect.name == "sqlite" else found > 1_700_000_000_000


def test_only_one_of_many_gets_the_lease(store: Store, connection: str) -> None:
    """Of holders that ask at the same time exactly one gets the lease."""
    tokens: list[int | None] = []

    def ask(name: str) -> None:
        tokens.append(lease.acquire(store, connection, name, TTL, now=100))

    threads = [Thread(target=ask, args=(f"holder {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [1] == [token for token in tokens if token is not None]


class Holders(RuleBasedStateMachine):
    """Three holders that ask, renew, release, sleep and write in any order, against a model of who may."""

    store: Store
    names = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.connection = f"lease-{next(self.names)}"
        self.now = 1
        self.tokens: dict[int, int] = {}
        self.given: list[int] = []
        self.owner: int | None = None
        """The holder whose token is the latest and not given back."""
        self.ends = 0

    @rule(ms=st.integers(1, 2 * TTL))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule(who=st.integers(1, 3))
    def ask(self, who: int) -> None:
        token = lease.acquire(self.store, self.connection, str(who), TTL, self.now)
        free = self.owner is None or self.ends <= self.now
        assert free == (token is not None)
        if token is not None:
            assert all(token > earlier for earlier in self.given)
            self.given.append(token)
            self.tokens[who] = token
            self.owner, self.ends = who, self.now + TTL

    @rule(who=st.integers(1, 3))
    def renew(self, who: int) -> None:
        try:
            lease.renew(self.store, self.connection, self.tokens.get(who, 0), TTL, self.now)
        except LeaseLost:
            assert who != self.owner
        else:
            assert who == self.owner
            self.ends = self.now + TTL

    @rule(who=st.integers(1, 3))
    def release(self, who: int) -> None:
        lease.release(self.store, self.connection, self.tokens.get(who, 0))
        if who == self.owner:
            self.owner = None

    @invariant()
    def only_the_owner_writes(self) -> None:
        for who, token in self.tokens.items():
            assert (who == self.owner) == may_write(self.store, self.connection, token, self.now)

    @invariant()
    def token_never_goes_back(self) -> None:
        with self.store.read() as db:
            token = db.execute(select(table.c.token).where(table.c.connection == self.connection)).scalar()
        assert (self.given[-1] if self.given else None) == token


def test_stale_holder_never_writes_whatever_happens(store: Store) -> None:
    """After any history exactly the holder of the latest token writes, and tokens only grow."""
    machine: Any = type("HoldersOfStore", (Holders,), {"store": store})

    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))


def test_tokens_go_on_after_a_restart(tmp_path: Path) -> None:
    """A token is not given out again when the database is opened anew."""
    url = f"sqlite:///{tmp_path / 'refsync.db'}"
    tokens = []
    for _ in range(3):
        with open_store(url) as store:
            tokens.append(lease.acquire(store, "c", "one", TTL, now=100))

    assert [1, 2, 3] == tokens

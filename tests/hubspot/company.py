"""refsync beside a HubSpot sandbox: real ticks over HTTP with a store in memory, the shipped rules live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.finding import Finding
from refsync.model import Account, AccountStatus, Activity, ActivityKind, ActivityStatus, Contact, Direction, Record, User
from refsync.model import parse_instant as at
from refsync.rules.files.folder import load
from refsync.store import ledger
from refsync.store.engine import Store
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from tests.hubspot.wanted import Connect

PATIENCE = Patience(attempts=4, first_pause=0.001, longest_pause=0.01)
NEGLECTED = "reconnect-neglected-customer"


def cold(customers: int) -> Iterator[Record]:
    """Yield a book of customers with one person each, to whom nobody has talked for months."""
    yield User(id="U1", name="Ada Byron", email="ada@us.example")
    yield User(id="U2", name="Bob Stone", email="bob@us.example")
    created = at("2022-01-01T00:00:00Z")
    for n in range(customers):
        status = AccountStatus.CUSTOMER
        yield Account(id=f"A{n}", name=f"Acme {n}", owner_id="U1", status=status, tier="A", created_at=created)
        yield Contact(id=f"C{n}", account_id=f"A{n}", name=f"Cleo {n}", owner_id="U1", created_at=created)
        yield Activity(
            id=f"X{n}",
            kind=ActivityKind.CALL,
            direction=Direction.OUT,
            at=at("2024-05-01T10:00:00Z"),
            status=ActivityStatus.DONE,
            owner_id="U1",
            account_id=f"A{n}",
            contact_ids=(f"C{n}",),
        )


class Company:
    """A connection that is ticked from time to time; every tick begins with a restart of the connector."""

    def __init__(self, portal: Any, connect_to: Connect, store: Store, **options: Any) -> None:
        loaded = load(bundled("rules"), modes_live=True)
        limits = replace(loaded.company.limits, per_rep_per_day=500, per_rep_per_week=500)
        company = replace(loaded.company, settle=Duration(0, Unit.HOURS), limits=limits)
        self.rules = replace(loaded, company=company)
        self.portal, self.connect_to, self.store, self.options = portal, connect_to, store, options

    def tick(self, *, minutes: int = 0) -> Report:
        """Let time pass and run a tick."""
        self.portal.later(minutes=minutes)
        connector = self.connect_to(self.portal.url, **self.options)
        now = self.portal.now
        given: dict[str, Any] = {"now": now, "clock": lambda: now, "patience": PATIENCE, "approved": True}
        try:
            return tick(self.store, "acme", "hubspot", connector, self.rules, **given)
        finally:
            connector.close()

    def findings(self) -> list[Finding]:
        with self.store.read() as db:
            return ledger.everything(db, "acme")


def matched(report: Report, rule: str = NEGLECTED) -> set[str]:
    """Return the accounts that a rule speaks of."""
    assert report.judged is not None
    return {match.account_id for match in report.judged.matches[rule]}

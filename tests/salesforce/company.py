"""refsync beside a Salesforce sandbox: real ticks over HTTP with a store in memory, the shipped rules live."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from refsync.bundled import bundled
from refsync.calendar import Duration, Unit
from refsync.finding import Finding
from refsync.model import Instant, instant
from refsync.rules.files.folder import load
from refsync.store import ledger
from refsync.store.engine import Store
from refsync.store.tables import contact
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from tests.salesforce.sandboxed import Hands

PATIENCE = Patience(attempts=4, first_pause=0.001, longest_pause=0.01)
NEGLECTED = "reconnect-neglected-customer"


class Company:
    """A connection that is ticked from time to time; every tick begins with a restart of the connector."""

    def __init__(self, hands: Hands, store: Store, **options: Any) -> None:
        loaded = load(bundled("rules"), modes_live=True)
        self.rules = replace(loaded, company=replace(loaded.company, settle=Duration(0, Unit.HOURS)))
        self.hands, self.store = hands, store
        self.options = {"settle_seconds": 0, **options}
        self.patience = PATIENCE

    @property
    def now(self) -> Instant:
        return instant(self.hands.sandbox.clock.now())

    def tick(self, *, dry_run: bool = False, **later: float) -> Report:
        """Let time pass and run a tick."""
        self.hands.later(**later)
        connector = self.hands.connect(**self.options)
        given: dict[str, Any] = {"now": self.now, "clock": lambda: self.now, "patience": self.patience}
        try:
            return tick(self.store, "acme", "salesforce", connector, self.rules, approved=True, dry_run=dry_run, **given)
        finally:
            connector.close()

    def findings(self) -> list[Finding]:
        with self.store.read() as db:
            return ledger.everything(db, "acme")

    def people(self, account_id: str | None) -> set[str]:
        """Return the contacts that belong to an account."""
        with self.store.read() as db:
            return set(db.execute(select(contact.c.id).where(contact.c.account_id == account_id)).scalars())


def matched(report: Report, rule: str) -> set[str]:
    """Return the accounts that a rule speaks of."""
    assert report.judged is not None
    return {match.account_id for match in report.judged.matches[rule]}

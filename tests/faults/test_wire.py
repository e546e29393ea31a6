"""A bad line between refsync and the CRM: it takes longer, and comes to the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from refsync.errors import ConnectorError
from refsync.finding import State
from refsync.model import parse_instant
from refsync.store.engine import open_store
from refsync.sync.retry import Patience
from refsync.sync.session import Session
from tests.faults import workplace
from tests.faults.proxy import FAULTS, Proxy

MINUTE = 60_000
PATIENCE = Patience(attempts=4, first_pause=0.01, longest_pause=0.05, longest_retry_after=0.05)


def ticks(config: Path, count: int, after: int = 0) -> int:
    """Run so many ticks, two minutes apart, the first after so many others, and return how many came to their end."""
    folder, ended = config.parent, 0
    now = parse_instant(workplace.NOW)
    with open_store(f"sqlite:///{folder / 'refsync.db'}") as store:
        session = Session(workplace.connection(config), store, lambda: workplace.rules(folder.parent))
        for number in range(after, after + count):
            at = now + number * 2 * MINUTE
            try:
                session.tick(now=now, approved=True, patience=PATIENCE, clock=lambda at=at: at)
                ended += 1
            except ConnectorError:
                session.close()
        session.close()
    return ended


def same_as_without_faults(folder: Path, name: str, seed: int, *, accounts: int, count: int) -> Counter[str]:
    """Compare a run over a bad line with one over a good line, and return what went wrong on the way."""
    workplace.make(folder, accounts=accounts)
    with workplace.sandbox(folder, name) as crm:
        good = workplace.configure(folder, name, crm.url, "good")
        assert 2 == ticks(good, 2)
        expected = {task["key"] for task in crm.tasks()}
    with workplace.sandbox(folder, name) as crm:
        with Proxy(crm.url, seed=seed, share=0.3) as proxy:
            bad = workplace.configure(folder, name, proxy.url, "bad")
            ticks(bad, count)
            proxy.share = 0.0
            assert 2 == ticks(bad, 2, after=count)
        assert dict.fromkeys(expected, 1) == dict(Counter(task["key"] for task in crm.tasks()))
        assert {("open", 1)} == {(task["status"], task["writes"]) for task in crm.tasks()}
        known = workplace.findings(bad.parent / "refsync.db", name)
        assert expected == {finding.key for finding in known if finding.state is State.OPEN}
        assert workplace.mirrored(good.parent / "refsync.db") == workplace.mirrored(bad.parent / "refsync.db")
        return proxy.done


@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
def test_bad_line(tmp_path: Path, name: str) -> None:
    """With 30 % of the exchanges cut, truncated, refused or held up, the mirror and the tasks end as without."""
    same_as_without_faults(tmp_path, name, seed=2, accounts=15, count=2)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
@pytest.mark.parametrize("seed", range(25))
def test_many_bad_lines(tmp_path: Path, name: str, seed: int) -> None:
    """The same for many seeds, each with every kind of fault."""
    assert set(FAULTS) <= set(same_as_without_faults(tmp_path, name, seed, accounts=60, count=8))

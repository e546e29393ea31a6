"""Whom the rules match on large, odd books, beside an oracle of plain Python that shares no code with refsync."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from refsync.bundled import bundled
from refsync.connector import ConnectionSettings
from refsync.model import instant
from refsync.registry import connect
from refsync.rules.files.folder import load
from refsync.rules.rule import Match
from refsync.store.engine import Store, open_store
from refsync.sync.evaluate import matches_of
from refsync.sync.tick import tick
from refsync_sandbox.generator import write_book
from tests import oracle
from tests.oddities import spoil

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def good_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a generated book of 2,000 accounts: every kind of customer, rep, touch and boundary day."""
    folder = tmp_path_factory.mktemp("book")
    write_book(folder, accounts=2000, seed=11, now=NOW)
    return folder


@pytest.fixture(scope="module")
def spoilt_book(good_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same book with broken rows of every kind between the good ones."""
    folder = tmp_path_factory.mktemp("spoilt")
    for path in good_book.glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    spoil(folder)
    return folder


@pytest.fixture(scope="module", params=["good_book", "spoilt_book"])
def pulled(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Give a store into which a book was pulled."""
    folder: Path = request.getfixturevalue(request.param)
    connector = connect("files", ConnectionSettings(id="book", options={"folder": str(folder)}))
    with open_store("sqlite://") as store:
        tick(store, "book", "files", connector, load(bundled("rules")), now=instant(NOW), dry_run=True)
        yield store


def matches(store: Store, name: str) -> list[Match]:
    rules = load(bundled("rules"))
    rule = rules.rule(name)
    assert rule is not None
    with store.read() as db:
        return list(matches_of(db, rule, rules, "book", instant(NOW)))


def test_neglected_customers_are_those_of_the_oracle(pulled: Store, good_book: Path) -> None:
    """The rule finds exactly the neglected customers, each with the last touch that the oracle sees."""
    expected = oracle.neglected(good_book, NOW, escalations_stop=True)
    found = {match.account_id: match.lapse_at for match in matches(pulled, "reconnect-neglected-customer")}

    assert len(expected) > 100
    assert {account: touch and instant(touch) for account, touch in expected.items()} == found


def test_milestones_to_ask_about_are_those_of_the_oracle(pulled: Store, good_book: Path) -> None:
    """The rule finds exactly the milestones to ask about, and knows who has to be talked to first."""
    expected = {
        (milestone.kind, milestone.account, milestone.ready)
        for milestone in oracle.milestones(good_book, NOW)
        if not milestone.suppressed
    }
    found = {
        (str(match.facts["milestone.kind"]), match.account_id, match.ready)
        for match in matches(pulled, "ask-referral-after-milestone")
    }

    assert len(expected) > 50
    assert expected == found

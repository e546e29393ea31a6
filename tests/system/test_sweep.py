"""What sweeps and whole reads prove: which records are gone, and what must not go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select, update

from refsync.bundled import bundled
from refsync.connector import Batch, Cursor
from refsync.errors import TransientError, UnexpectedReply
from refsync.model import Account, AccountStatus, Stream, User, parse_instant
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.store import ledger, mirror
from refsync.store.engine import Store, open_store
from refsync.store.tables import account, listed, stream_state
from refsync.sync.retry import Patience
from refsync.sync.tick import Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm

NOW = parse_instant("2026-11-20T09:00:00Z")
HOUR = 3_600_000
ACCOUNTS = Stream.ACCOUNTS


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load(bundled("rules"))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


class Scripted(MemoryConnector):
    """Reads as the CRM in memory does, but accounts are read and swept as the script of the next tick says.

    A step of a script is a batch to yield or an error to raise; the cursors that it was given are remembered.
    """

    def __init__(self, crm: MemoryCrm) -> None:
        super().__init__(crm)
        self.reads: list[Sequence[Batch | Exception]] = []
        self.sweeps: list[Sequence[Batch | Exception]] = []
        self.read_from: list[Cursor | None] = []
        self.swept_from: list[Cursor | None] = []

    def read(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        if stream is not ACCOUNTS or not self.reads:
            return super().read(stream, since)
        self.read_from.append(since)
        return _play(self.reads.pop(0))

    def sweep(self, stream: Stream, since: Cursor | None) -> Iterator[Batch]:
        if stream is not ACCOUNTS:
            return super().sweep(stream, since)
        self.swept_from.append(since)
        return _play(self.sweeps.pop(0) if self.sweeps else [])


def _play(script: Sequence[Batch | Exception]) -> Iterator[Batch]:
    for step in script:
        if isinstance(step, Exception):
            raise step
        yield step


@dataclass
class Company:
    """A connection that is ticked from time to time."""

    store: Store
    rules: RuleSet
    crm: MemoryCrm
    connector: MemoryConnector
    now: int = field(default=NOW)

    def tick(self, **options: object) -> Report:
        self.now += HOUR
        patience = Patience(attempts=1, first_pause=0.001)
        given = {"now": self.now, "patience": patience, "clock": lambda: self.now, "approved": True, **options}
        return tick(self.store, "memory", "memory", self.connector, self.rules, **given)  # type: ignore[arg-type]

    def accounts(self) -> set[str]:
        with self.store.read() as db:
            return set(db.execute(select(account.c.id).where(account.c.connection == "memory")).scalars())

    def listed(self) -> int:
        with self.store.read() as db:
            return db.execute(select(func.count()).select_from(listed)).scalar_one()


def some(*numbers: int) -> tuple[Account, ...]:
    return tuple(Account(id=f"a{number}", status=AccountStatus.CUSTOMER) for number in numbers)


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(f"a{number}" for number in numbers)


@pytest.fixture
def listing(store: Store, rules: RuleSet) -> Company:
    """A CRM of 40 accounts whose sweeps list what is there, in pages of seven."""
    crm = MemoryCrm([User(id="rep", name="Rita", email="r@example.com"), *some(*range(40))])
    return Company(store, rules, crm, MemoryConnector(crm, page=7, lists={ACCOUNTS, Stream.ACTIVITIES}))


@pytest.fixture
def scripted(store: Store, rules: RuleSet) -> Company:
    crm = MemoryCrm([User(id="rep", name="Rita", email="r@example.com"), *some(1, 2, 3, 4)])
    return Company(store, rules, crm, Scripted(crm))


def script(company: Company) -> Scripted:
    assert isinstance(company.connector, Scripted)
    return company.connector


def test_record_that_two_whole_sweeps_miss_is_deleted(listing: Company) -> None:
    """A record that vanished without a trace is still there after one whole sweep, and gone after the second."""
    listing.tick()
    listing.crm.purge(ACCOUNTS, "a3")
    seen = [(listing.tick().pulled.gone, "a3" in listing.accounts()) for _ in range(2)]

    assert [(0, True), (1, False)] == seen
    assert (39, 0) == (len(listing.accounts()), listing.listed())


def test_record_that_comes_back_between_sweeps_stays(listing: Company) -> None:
    """What the second sweep lists again was never gone, and has to be missed twice anew."""
    listing.tick()
    listing.crm.purge(ACCOUNTS, "a3")
    listing.tick()
    listing.crm.put(some(3)[0])
    listing.tick()
    listing.crm.purge(ACCOUNTS, "a3")
    listing.tick()

    assert "a3" in listing.accounts()


def test_task_that_vanishes_counts_as_thrown_away(listing: Company, rules: RuleSet) -> None:
    """One of our tasks that is not listed any more was deleted by a person: it never comes back."""
    listing.rules = load(bundled("rules"), modes_live=True)
    old = Account(id="old", owner_id="rep", status=AccountStatus.CUSTOMER, tier="A", created_at=NOW - 900 * 24 * HOUR)
    listing.crm.put(old)
    for _ in range(3):
        listing.tick()
    (task,) = listing.crm.tasks.values()
    listing.crm.purge(Stream.ACTIVITIES, task.task_id)
    for _ in range(2):
        listing.tick()
    with listing.store.read() as db:
        (found,) = ledger.everything(db, "memory")

    assert ("dismissed", "deleted in the CRM") == (found.state, found.reason)


def test_brake_holds_until_a_person_confirms(listing: Company) -> None:
    """When too much is missing, nothing goes, the stream says every time what to do, and goes on once it was done."""
    listing.tick()
    for number in range(20):
        listing.crm.purge(ACCOUNTS, f"a{number}")
    before = listing.tick()
    reasons = [listing.tick().pulled.partial[ACCOUNTS] for _ in range(2)]
    held = len(listing.accounts())
    confirmed = listing.tick(confirmed_deletes=[ACCOUNTS])

    assert ({}, 1, 40) == (before.pulled.partial, len(set(reasons)), held)
    assert "20 of 40 accounts are not shown any more; none was deleted" in reasons[0]
    assert "refsync sync --connection memory --confirm-deletes accounts" in reasons[0]
    assert (20, {}, 20) == (confirmed.pulled.gone, confirmed.pulled.partial, len(listing.accounts()))
    assert {} == listing.tick().pulled.partial


def test_brake_of_one_stream_is_not_released_for_another(listing: Company) -> None:
    """Who confirms the deletes of deals has said nothing of accounts."""
    listing.tick()
    for number in range(20):
        listing.crm.purge(ACCOUNTS, f"a{number}")
    listing.tick()
    report = listing.tick(confirmed_deletes=[Stream.DEALS])

    assert (40, {ACCOUNTS}) == (len(listing.accounts()), set(report.pulled.partial))


def test_brake_ends_when_everything_is_listed_again(listing: Company) -> None:
    """When the permission is given back, nothing was lost and nobody has to confirm anything."""
    listing.tick()
    lost = [listing.crm._records[ACCOUNTS][f"a{number}"] for number in range(20)]
    for record in lost:
        listing.crm.purge(ACCOUNTS, record.id)
    listing.tick()
    assert listing.tick().pulled.partial
    for record in lost:
        listing.crm.put(record)

    assert ({}, 40) == (listing.tick().pulled.partial, len(listing.accounts()))


def test_sweep_is_asked_in_every_tick_that_read_the_stream(scripted: Company) -> None:
    """The first sweep follows the first whole read, in the same tick; a read that ended early is followed by none."""
    connector = script(scripted)
    connector.reads = [[Batch(records=some(1), cursor="1", partial="the budget is used up")]]
    scripted.tick()
    none = list(connector.swept_from)
    connector.sweeps = [[Batch(cursor="s1")]]
    scripted.tick()
    scripted.tick()

    assert ([], [None, "s1"]) == (none, connector.swept_from)


@pytest.mark.parametrize("error", [UnexpectedReply("HTML"), None], ids=["error", "partial"])
def test_sweep_that_breaks_off_forgets_its_list(scripted: Company, error: Exception | None) -> None:
    """A sweep that has to begin anew begins its list anew, too: what is gone in between is missed by it."""
    connector = script(scripted)
    connector.sweeps = [
        [Batch(cursor="s0")],
        [Batch(present=names(1, 2)), error or Batch(partial="no calls left")],
        [Batch(present=names(2, 3)), Batch(present=names(4)), Batch(cursor="s1", whole=True)],
        [Batch(present=names(2, 3, 4), cursor="s2", whole=True)],
    ]
    scripted.tick()
    broken = scripted.tick()
    left = scripted.listed()
    scripted.tick()
    scripted.tick()

    assert ({ACCOUNTS}, 0) == (set(broken.pulled.partial), left)
    assert (["a2", "a3", "a4"], [None, "s0", "s0", "s1"]) == (sorted(scripted.accounts()), connector.swept_from)


def test_sweep_that_goes_on_keeps_its_list(scripted: Company) -> None:
    """A sweep that goes on from its cursor, in the next tick or after an error, has shown what it listed before."""
    connector = script(scripted)
    connector.sweeps = [
        [Batch(cursor="s0")],
        [Batch(present=names(1, 2), cursor="half"), TransientError("reset")],
        [Batch(present=names(3, 4), cursor="s1", whole=True)],
        [Batch(present=names(1), cursor="third")],
        [Batch(present=names(2), cursor="two thirds")],
        [Batch(present=names(4), cursor="s2", whole=True)],
        [Batch(present=names(1, 2, 4), cursor="s3", whole=True)],
    ]
    scripted.tick()
    with pytest.raises(TransientError):
        scripted.tick()
    for _ in range(5):
        scripted.tick()

    assert [None, "s0", "half", "s1", "third", "two thirds", "s2"] == connector.swept_from
    assert {"a1", "a2", "a4"} == scripted.accounts()


def whole(*pages: Sequence[Account], cursor: str) -> list[Batch]:
    """Return a read of everything, in pages."""
    return [*(Batch(records=tuple(page)) for page in pages), Batch(cursor=cursor, whole=True)]


def test_whole_read_lets_go_at_once(scripted: Company) -> None:
    """The first whole read keeps no list, since there is nothing to compare; the next one's omissions go at once."""
    connector = script(scripted)
    connector.reads = [whole(some(1, 2), some(3), cursor="r1"), whole(some(1), some(3), cursor="r2")]
    scripted.tick()
    first = scripted.accounts()
    report = scripted.tick()

    assert ({"a1", "a2", "a3"}, {"a1", "a3"}, 1) == (first, scripted.accounts(), report.pulled.gone)
    assert ([None, "r1"], 0) == (connector.read_from, scripted.listed())


def test_read_that_turns_out_whole_is_read_again(scripted: Company) -> None:
    """When nobody knew that a read would be whole, its cursor stays where it was, and the next one is compared."""
    connector = script(scripted)
    connector.reads = [
        whole(some(1, 2), some(3), cursor="r1"),
        whole(some(1), some(3), cursor="r2"),
        whole(some(1), some(3), cursor="r2"),
    ]
    scripted.tick()
    with scripted.store.write() as db:
        db.execute(update(stream_state).where(stream_state.c.connection == "memory").values(reads_whole=False))
    scripted.tick()
    between = scripted.accounts()
    scripted.tick()

    assert ({"a1", "a2", "a3"}, {"a1", "a3"}) == (between, scripted.accounts())
    assert [None, "r1", "r1"] == connector.read_from


def test_read_that_was_repeated_half_way_is_whole_all_the_same(scripted: Company) -> None:
    """A whole read that broke off begins its list anew."""
    connector = script(scripted)
    connector.reads = [
        whole(some(1, 2), some(3), cursor="r1"),
        [Batch(records=some(2)), UnexpectedReply("cut off")],
        whole(some(1), some(3), cursor="r2"),
    ]
    for _ in range(3):
        scripted.tick()

    assert {"a1", "a3"} == scripted.accounts()


def test_list_of_a_read_that_was_not_whole_is_dropped(scripted: Company) -> None:
    """A stream that was once read whole and now brings what changed leaves no list behind."""
    connector = script(scripted)
    connector.reads = [
        whole(some(1, 2), cursor="r1"),
        [Batch(records=some(5), cursor="r2")],
        [Batch(records=some(6), cursor="r3")],
    ]
    for _ in range(3):
        scripted.tick()
    with scripted.store.read() as db:
        state = mirror.state(db, "memory")[ACCOUNTS]

    assert (set(names(1, 2, 5, 6)), 0, False) == (scripted.accounts(), scripted.listed(), state.reads_whole)

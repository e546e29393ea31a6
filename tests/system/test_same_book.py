"""The same book in three CRMs: the same mirror, the same matches, the same tasks, but for what one CRM cannot hold.

Ids are turned back into the book's, and everything is compared with what refsync holds of the book itself. `CANNOT` is the whole
list of what differs; a line of it that explains nothing any more is an error, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from refsync.model import Stream, iso, moment
from refsync.store.tables import TABLE_OF
from refsync_sandbox.generator import write_book
from tests.oddities import spoil
from tests.system.served import NOW, Row, Served, served

CRMS = ("salesforce", "hubspot")
ROW = "(row)"
"""In place of a column: a row is missing, or there is one too many."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A value that a CRM's mirror has otherwise than the book's."""

    table: str
    key: tuple[str, ...]
    column: str
    book: Any
    crm: Any
    row: Row
    """The whole row, of the book if it has it."""
    of_book: Served


@dataclass(frozen=True, kw_only=True)
class Cannot:
    """What a CRM cannot hold as the book has it, and how it then shows."""

    crm: str
    table: str
    columns: tuple[str, ...]
    reason: str
    holds: Callable[[Difference], bool] = lambda _: True
    """Whether a difference is of just this kind."""

    def explains(self, found: Difference) -> bool:
        return (self.table, True) == (found.table, found.column in self.columns) and self.holds(found)


def _nobodys(found: Difference) -> bool:
    return found.book is None and (found.crm,) not in found.of_book.mirror["crm_user"]


def _of_note(found: Difference) -> bool:
    return found.crm is None and found.of_book.mirror["activity"][(found.key[0],)]["kind"] == "note"


def _by_its_deal(found: Difference) -> bool:
    return found.row["kind"] == "email" and found.row["deal_id"] is not None and found.crm is None


def _derived(found: Difference) -> bool:
    """Whether an activity without account has that of its deal or of one of its people."""
    book = found.of_book.mirror
    people = [contact for activity, contact in book["activity_contact"] if activity == found.key[0]]
    accounts = {book["contact"][(person,)]["account_id"] for person in people}
    if found.row["deal_id"]:
        accounts.add(book["deal"][(found.row["deal_id"],)]["account_id"])
    return found.book is None and found.crm in accounts


def _persons(found: Difference) -> list[str]:
    return [row["person_contact_id"] for row in found.of_book.mirror["introduction"].values()]


def _introduced(found: Difference) -> set[tuple[None, str]]:
    return {(None, row["person_name"]) for row in found.of_book.mirror["introduction"].values()}


def _of_person(found: Difference) -> Any:
    person = found.of_book.mirror["contact"][(found.row["person_contact_id"],)]
    return person["created_at" if found.column == "made_at" else found.column]


def _of_system_user(found: Difference) -> bool:
    return found.book is None and found.crm["active"] is False and not found.crm["manager_id"]


CANNOT = (
    Cannot(
        crm="salesforce",
        table="crm_user",
        columns=(ROW,),
        reason="an org has users of its own, for integrations and automation, who are no active people",
        holds=_of_system_user,
    ),
    *(
        Cannot(
            crm="salesforce",
            table=table,
            columns=("owner_id",),
            reason="every record has an owner: one that the book gives to nobody belongs to who loaded it",
            holds=_nobodys,
        )
        for table in ("account", "contact", "deal", "introduction", "activity")
    ),
    Cannot(
        crm="salesforce",
        table="introduction",
        columns=("status_since",),
        reason="a lead keeps the day of its conversion and no other change of its status",
        holds=lambda found: found.crm is None or iso(found.book)[:10] == iso(found.crm)[:10],
    ),
    *(
        Cannot(
            crm="salesforce",
            table=table,
            columns=(ROW,),
            reason="notes are no activities there, and are not read: they are no contact",
            holds=_of_note,
        )
        for table in ("activity", "activity_contact")
    ),
    Cannot(
        crm="salesforce",
        table="activity",
        columns=("account_id",),
        reason="an e-mail is related to one record, to its deal where it has one; it counts for the deal's account",
        holds=_by_its_deal,
    ),
    Cannot(
        crm="salesforce",
        table="activity",
        columns=("account_id",),
        reason="Salesforce works out the account of tasks and events from the deal or the first person; they count for it anyway",
        holds=_derived,
    ),
    Cannot(
        crm="hubspot",
        table="crm_user",
        columns=("email",),
        reason="an owner who was removed has no e-mail address any more",
        holds=lambda found: not found.row["active"] and found.crm == "",
    ),
    Cannot(
        crm="hubspot",
        table="activity",
        columns=("subject",),
        reason="a logged message or note has a body and no subject",
        holds=lambda found: found.row["kind"] in ("message", "note") and found.crm == "",
    ),
    Cannot(
        crm="hubspot",
        table="account_contact",
        columns=("role",),
        reason="a further company of a person is an association without label",
        holds=lambda found: found.crm == "",
    ),
    Cannot(
        crm="hubspot",
        table="contact",
        columns=(ROW,),
        reason="who is introduced is a contact, also when the book knows no more than a name",
        holds=lambda found: found.book is None and (found.crm["account_id"], found.crm["name"]) in _introduced(found),
    ),
    Cannot(
        crm="hubspot",
        table="introduction",
        columns=("person_contact_id",),
        reason="who is introduced is a contact, also when the book knows no more than a name",
        holds=lambda found: found.book is None,
    ),
    Cannot(
        crm="hubspot",
        table="introduction",
        columns=(ROW,),
        reason="an introduction is a property of the person introduced, so there is one a person",
        holds=lambda found: found.crm is None and _persons(found).count(found.book["person_contact_id"]) > 1,
    ),
    Cannot(
        crm="hubspot",
        table="introduction",
        columns=("status_since", "kind", "note"),
        reason="of an introduction a contact holds who made it and how it stands",
        holds=lambda found: found.crm in (None, ""),
    ),
    Cannot(
        crm="hubspot",
        table="introduction",
        columns=("made_at", "owner_id"),
        reason="an introduction was made when the contact was created, and belongs to the contact's owner",
        holds=lambda found: _of_person(found) == found.crm,
    ),
)
"""Everything in which the mirrors may differ from the book's."""


@pytest.fixture(scope="module")
def crms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Served]:
    """Return what refsync holds, after a tick, of a spoilt book in each CRM: what cannot be read of a book is in no CRM."""
    folder = tmp_path_factory.mktemp("same") / "book"
    write_book(folder, accounts=150, seed=8, now=moment(NOW), second_accounts=0.1)
    spoil(folder)
    return {crm: served(crm, folder) for crm in ("files", *CRMS)}


def differences(book: Served, crm: Served) -> Iterator[Difference]:
    """Yield every value in which a mirror differs from the book's."""
    for table, rows in book.mirror.items():
        others = crm.mirror[table]
        for key in sorted(rows.keys() | others.keys()):
            mine, theirs = rows.get(key), others.get(key)
            row = mine or theirs or {}
            if mine is None or theirs is None:
                yield Difference(table=table, key=key, column=ROW, book=mine, crm=theirs, row=row, of_book=book)
                continue
            for column in (column for column in mine if mine[column] != theirs[column]):
                values = {"book": mine[column], "crm": theirs[column]}
                yield Difference(table=table, key=key, column=column, row=row, of_book=book, **values)


def test_the_book_holds_something_of_everything(crms: dict[str, Served]) -> None:
    """No table of the mirror is compared empty."""
    assert set() == {table for table, rows in crms["files"].mirror.items() if not rows}


@pytest.mark.parametrize("crm", CRMS)
def test_every_stream_is_read(crms: dict[str, Served], crm: str) -> None:
    """Both CRMs are read whole, and everything that was read could be read."""
    report = crms[crm].report

    assert frozenset(Stream) == crms[crm].streams
    assert ({}, {}) == (report.pulled.partial, report.judged.held_rules if report.judged else {})


@pytest.mark.parametrize("crm", CRMS)
def test_mirrors_are_the_same(crms: dict[str, Served], crm: str) -> None:
    """Every column of every row of every table is that of the book, but for what the CRM cannot hold."""
    cannot = [one for one in CANNOT if one.crm == crm]
    found = list(differences(crms["files"], crms[crm]))
    unexplained = [one for one in found if not any(line.explains(one) for line in cannot)]

    assert [] == [(one.table, one.key, one.column, one.book, one.crm) for one in unexplained]
    assert [] == [line for line in cannot if not any(line.explains(one) for one in found)]


UNTOLD: Mapping[str, Mapping[str, Row]] = {"hubspot": {"introduction": {"text": "", "contact_id": None, "score": 0.0}}}
"""What rules and tasks cannot say the same of such subjects: when an introduction was made, of which kind it is, and its note."""


@pytest.mark.parametrize("crm", CRMS)
def test_matches_are_the_same(crms: dict[str, Served], crm: str) -> None:
    """Each rule says the same of the same customers: the facts it saw, the score, whether to ask or to reconnect first."""
    book = crms["files"]
    people = {"owner_id": "crm_user", "rep_id": "crm_user", "person_id": "contact"}

    known = {column: {key[0] for key in book.mirror[table]} for column, table in people.items()}

    def told(row: Row) -> Row:
        """Return a match as far as it can be the same; who is not in the book is nobody."""
        unknown = {name: None for name in people if row[name] not in known[name]}
        return {**row, **unknown, **UNTOLD.get(crm, {}).get(row["subject_kind"], {})}

    def matches(of: Served) -> Mapping[str, Mapping[str, Row]]:
        return {rule: {subject: told(row) for subject, row in rows.items()} for rule, rows in of.matches.items()}

    assert 8 < sum(bool(rows) for rows in book.matches.values())
    assert matches(book) == matches(crms[crm])


@pytest.mark.parametrize("crm", CRMS)
def test_tasks_are_the_same(crms: dict[str, Served], crm: str) -> None:
    """The same people get the same tasks, due at the same time, in the same words."""
    untold = UNTOLD.get(crm, {})

    def tasks(of: Served) -> Mapping[tuple[str, str], Row]:
        return {key: {**row, **untold.get(row["subject_kind"], {})} for key, row in of.tasks.items()}

    assert len(crms["files"].tasks) > 30
    assert {"account", "milestone", "introduction"} <= {row["subject_kind"] for row in crms["files"].tasks.values()}
    assert tasks(crms["files"]) == tasks(crms[crm])


@pytest.mark.parametrize("crm", CRMS)
def test_reps_see_what_was_planned(crms: dict[str, Served], crm: str) -> None:
    """What stands in the CRM is what the ledger says, in the words of the plan, due when it says, for whom it says."""

    def name(table: str, identity: str | None) -> str | None:
        return crms[crm].mirror[table][(identity,)]["name"] if identity else None

    def words(text: str) -> str:
        return re.sub(r"\s+", " ", text).strip()

    planned = sorted(
        (
            task["subject"],
            words(task["text"]),
            str(name("crm_user", task["owner_id"])),
            str(name("account", task["account_id"])),
            str(name("contact", task["contact_id"])),
            task["due_on"].isoformat() if crm == "salesforce" else iso(task["due_at"]),
        )
        for task in crms[crm].tasks.values()
    )
    ends = ("owner", "account", "contact")
    shown = sorted(
        (task["subject"], words(task["text"]), *(str((task[end] or {}).get("name")) for end in ends), task["due"])
        for task in crms[crm].seen
    )

    assert planned == shown


def test_every_table_is_compared() -> None:
    """A stream that comes later is not forgotten here."""
    assert len(Stream) == len(TABLE_OF)

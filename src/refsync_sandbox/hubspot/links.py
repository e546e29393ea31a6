"""The associations between records.

Law: an association is always there in both directions, and of one pair each type at most once. A contact, deal or ticket has
at most one primary company, which is the first unless told otherwise; `associatedcompanyid` of a contact says which. No
association moves a modified date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from refsync_sandbox.hubspot.kinds import ASSOCIATION_TYPES, COMPANY, CONTACT, AssociationType, Kind, kind_of_id
from refsync_sandbox.hubspot.records import Records

FIRST_USER_DEFINED = 1001
"""Labels that the portal adds are numbered from here on, so that no number means two things."""


class Link(NamedTuple):
    """One record at the other end, and every type in which it is associated."""

    target: int
    types: tuple[AssociationType, ...]


class Links:
    """All associations of a portal, and the types they can have."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._database = records.database
        self.types: dict[int, AssociationType] = {}
        self._plain: dict[tuple[int, int], AssociationType] = {}
        self._between: dict[tuple[int, int], list[AssociationType]] = {}
        for found in ASSOCIATION_TYPES:
            self._know(found)

    def between(self, origin: Kind, target: Kind) -> Sequence[AssociationType]:
        """Return the types that lead from one object type to another."""
        return self._between.get((origin.number, target.number), ())

    def plain(self, origin: Kind, target: Kind) -> AssociationType | None:
        """Return the type that says nothing but that the two belong together."""
        return self._plain.get((origin.number, target.number))

    def label(self, origin: Kind, target: Kind, label: str, back: str = "") -> AssociationType:
        """Return the portal's own label of that name, which is added when there is none yet; `back` is read at the other end."""
        known = (one for one in self.between(origin, target) if one.label == label and one.user_defined)
        if found := next(known, None):
            return found
        number = max(FIRST_USER_DEFINED - 1, *self.types) + 1
        there = AssociationType(id=number, origin=origin, target=target, label=label, reverse=number + 1, user_defined=True)
        other = back or label
        self._know(there)
        self._know(AssociationType(id=number + 1, origin=target, target=origin, label=other, reverse=number, user_defined=True))
        return there

    def _know(self, found: AssociationType) -> None:
        self.types[found.id] = found
        self._between.setdefault((found.origin.number, found.target.number), []).append(found)
        if found.label is None:
            self._plain[found.origin.number, found.target.number] = found

    def load(self, links: Iterable[tuple[int, int, int, int]]) -> None:
        """Store one direction of associations of a book as they are; `mirror` stores the other.

        Each is origin, number of the target's object type, target and number of the association type.
        """
        self._database.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)", links)

    def mirror(self) -> None:
        """Store the other direction of every association that lacks it, in order, which is far quicker than one at a time."""
        self._database.execute("CREATE TEMP TABLE way (type INTEGER PRIMARY KEY, origin INTEGER, reverse INTEGER)")
        ways = ((found.id, found.origin.number, found.reverse) for found in self.types.values())
        self._database.executemany("INSERT INTO way VALUES (?, ?, ?)", ways)
        self._database.execute(
            "INSERT OR IGNORE INTO link SELECT link.target, way.origin, link.origin, way.reverse "
            "FROM link JOIN way ON way.type = link.type ORDER BY 1, 2, 3, 4"
        )
        self._database.execute("DROP TABLE way")

    def add(self, origin: int, target: int, type_: AssociationType) -> None:
        """Associate two records; a label brings the plain type along, and the first company of a record is its primary one."""
        plain, primary = self.plain(type_.origin, type_.target), self._primary(type_)
        wanted = {type_.id: type_, **({plain.id: plain} if plain else {})}
        if primary and (type_.id in (primary.id, primary.reverse) or not self._has_primary(origin, target, primary)):
            ours = primary if type_.origin == primary.origin else self.types[primary.reverse]
            self._demote(origin if ours is primary else target, primary)
            wanted[ours.id] = ours
        for one in wanted.values():
            self._insert(origin, target, one)
        if primary:
            self.show_company(origin if type_.origin == primary.origin else target)

    def remove(self, origin: int, target: int, type_: AssociationType | None = None) -> None:
        """Take away one type of an association, or all of it."""
        kinds = kind_of_id(origin), kind_of_id(target)
        assert kinds[0] is not None  # noqa: S101 - callers have looked both records up
        assert kinds[1] is not None  # noqa: S101
        gone = [type_] if type_ else self.between(kinds[0], kinds[1])
        for one in gone:
            for source, kind, other, number in ((origin, kinds[1], target, one.id), (target, kinds[0], origin, one.reverse)):
                self._database.execute(
                    "DELETE FROM link WHERE origin = ? AND kind = ? AND target = ? AND type = ?",
                    (source, kind.number, other, number),
                )
        for end in (origin, target):
            self.show_company(end)

    def of(self, origin: int, target: Kind, *, after: int = 0, limit: int | None = None) -> list[Link]:
        """Return what a record is associated with in one object type, in order of id; `after` is the last id already seen.

        Archived records have and are no ends of associations.
        """
        gone = self._records.archived
        if origin in gone:
            return []
        found = self._database.execute(
            "SELECT target, type FROM link WHERE origin = ? AND kind = ? AND target > ? ORDER BY target, type",
            (origin, target.number, after),
        )
        links: dict[int, list[AssociationType]] = {}
        for end, number in found:
            if limit is not None and end not in links and len(links) == limit:
                break
            if end not in gone:
                links.setdefault(end, []).append(self.types[number])
        return [Link(end, tuple(types)) for end, types in links.items()]

    def of_many(self, origins: Sequence[int], target: Kind) -> dict[int, list[Link]]:
        """Return what each of many records is associated with in one object type, all of it, in order of id."""
        gone, numbers = self._records.archived, ", ".join(map(str, origins))
        found = self._database.execute(
            f"SELECT origin, target, type FROM link WHERE origin IN ({numbers}) AND kind = ? ORDER BY origin, target, type",  # noqa: S608
            (target.number,),
        )
        links: dict[int, list[Link]] = {}
        for (origin, end), rows in groupby(found, key=itemgetter(0, 1)):
            if end not in gone and origin not in gone:
                links.setdefault(origin, []).append(Link(end, tuple(self.types[number] for _, _, number in rows)))
        return links

    def ends(self, origin: int, target: Kind) -> list[int]:
        """Return the ids that a record is associated with in one object type, primary first, archived ones too."""
        found = self._database.execute(
            "SELECT target, min(type) FROM link WHERE origin = ? AND kind = ? GROUP BY target ORDER BY min(type), target",
            (origin, target.number),
        )
        return [end for end, _ in found]

    def customers_of(self, origin: int) -> Iterator[int]:
        """Yield every record, of any type, that a record is associated with."""
        for (end,) in self._database.execute("SELECT DISTINCT target FROM link WHERE origin = ?", (origin,)).fetchall():
            yield end

    def move(self, old: int, new: int) -> None:
        """Give all associations of one record to another, as a merge does."""
        for table_end, other_end in (("origin", "target"), ("target", "origin")):
            self._database.execute(
                f"UPDATE OR IGNORE link SET {table_end} = ? WHERE {table_end} = ? AND {other_end} <> ?",  # noqa: S608
                (new, old, new),
            )
            self._database.execute(f"DELETE FROM link WHERE {table_end} = ?", (old,))  # noqa: S608

    def forget(self, record_id: int) -> None:
        """Take every association of a record away, in both directions."""
        self._database.execute(
            "DELETE FROM link WHERE origin IN (SELECT target FROM link WHERE origin = ?1) AND target = ?1", (record_id,)
        )
        self._database.execute("DELETE FROM link WHERE origin = ?", (record_id,))

    def settle_primary(self, record_id: int, origin: Kind) -> None:
        """Leave one primary company to a record that a merge gave several, the one with the lowest id."""
        primary = next((one for one in self.between(origin, COMPANY) if one.label == "Primary"), None)
        if primary is None:
            return
        with_primary = [link.target for link in self.of(record_id, COMPANY) if primary in link.types]
        for extra in with_primary[1:]:
            self.remove(record_id, extra, primary)
        self.show_company(record_id)

    def _insert(self, origin: int, target: int, type_: AssociationType) -> None:
        rows = (
            (origin, type_.target.number, target, type_.id),
            (target, type_.origin.number, origin, type_.reverse),
        )
        self._database.executemany("INSERT OR IGNORE INTO link VALUES (?, ?, ?, ?)", rows)

    def _primary(self, type_: AssociationType) -> AssociationType | None:
        """Return the primary type towards the company of this pair, whichever end `type_` begins at."""
        ends = (type_.origin, type_.target)
        if COMPANY not in ends or ends == (COMPANY, COMPANY):
            return None
        other = ends[0] if ends[1] == COMPANY else ends[1]
        return next((one for one in self.between(other, COMPANY) if one.label == "Primary"), None)

    def _has_primary(self, origin: int, target: int, primary: AssociationType) -> bool:
        owner = origin if kind_of_id(origin) == primary.origin else target
        found = self._database.execute(
            "SELECT 1 FROM link WHERE origin = ? AND kind = ? AND type = ? LIMIT 1", (owner, COMPANY.number, primary.id)
        )
        return found.fetchone() is not None

    def _demote(self, owner: int, primary: AssociationType) -> None:
        found = self._database.execute(
            "SELECT target FROM link WHERE origin = ? AND kind = ? AND type = ?", (owner, COMPANY.number, primary.id)
        )
        for (company,) in found.fetchall():
            self._database.executemany(
                "DELETE FROM link WHERE origin = ? AND target = ? AND type = ?",
                ((owner, company, primary.id), (company, owner, primary.reverse)),
            )

    def show_company(self, record_id: int) -> None:
        """Let `associatedcompanyid` say which company is primary, if the record is a contact."""
        row = self._records.find(CONTACT, record_id)
        if row is None:
            return
        values, companies = row.values(), [link for link in self.of(record_id, COMPANY) if _is_primary(link)]
        shown = str(companies[0].target) if companies else None
        if values.get("associatedcompanyid") != shown:
            self._records.calculate(row, values | {"associatedcompanyid": shown})


def _is_primary(link: Link) -> bool:
    return any(one.label == "Primary" and not one.user_defined for one in link.types)

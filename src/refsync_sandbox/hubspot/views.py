"""How records are shown.

Law: what was not asked for by name is not shown, a name that nobody knows is left out without a word, what is empty is null, and
every value is a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from refsync_sandbox.hubspot.call import Call, Refusal, not_valid
from refsync_sandbox.hubspot.instants import shown
from refsync_sandbox.hubspot.kinds import Kind, find_kind
from refsync_sandbox.hubspot.links import Link
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.records import Row
from refsync_sandbox.hubspot.rollups import ROLLUPS, rollup

View: TypeAlias = Callable[[Row], dict[str, Any]]

MOST_WITH_HISTORY = 50
"""How many records one reply may show with the history of their properties (documented)."""


def kind_named(name: str) -> Kind:
    """Return the object type that a path means. Raises Refusal for a name that is none."""
    kind = find_kind(name)
    if kind is None:
        raise Refusal(400, "", f"Unable to infer object type from: {name}")
    return kind


class Views:
    """Shows the records of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._page_of_record = f"/contacts/{portal.settings.portal_id}/record"

    def queried(self, kind: Kind, call: Call, count: int = 1) -> View:
        """Return how the query of a call for so many records wants them shown. Raises Refusal for too many with history."""
        history = self._history(kind, call.texts("propertiesWithHistory"), count)
        show = self.named(kind, call.texts("properties") or kind.shown, call, history)
        targets = [kind_named(name) for name in call.texts("associations")]
        if not targets:
            return show

        def linked(row: Row) -> dict[str, Any]:
            found = {target.plural: self._associated(row, target, call) for target in targets}
            there = {name: one for name, one in found.items() if one}
            return show(row) | ({"associations": there} if there else {})

        return linked

    def wanted(self, kind: Kind, call: Call, count: int = 1) -> View:
        """Return how the body of a search or batch wants records shown. Raises Refusal for too many with history."""
        body = call.object()
        history = self._history(kind, _names(body.get("propertiesWithHistory")), count)
        return self.named(kind, _names(body.get("properties")) or kind.shown, call, history)

    def whole(self, row: Row, call: Call) -> dict[str, Any]:
        """Show a record with every property that has a value, as replies to a create do."""
        names = [name for name, value in row.values().items() if value is not None]
        return self.named(row.kind, names, call)(row)

    def named(self, kind: Kind, names: Iterable[str], call: Call, history: Sequence[str] = ()) -> View:
        """Return a way to show records of a type with the properties that are known."""
        known = sorted({name for name in names if self._portal.catalogue.find(kind, name)})
        sums = [] if kind.engagement else [name for name in known if name in ROLLUPS]
        summed = f"SELECT {', '.join(rollup(name, call.now) for name in sums)} FROM record WHERE id = ?"  # noqa: S608
        other_created = kind.created != "hs_createdate" and "hs_createdate" in known
        address = f"{call.base}{self._page_of_record}/{kind.type_id}/"
        created_name, modified_name = kind.created, kind.modified

        def show(row: Row) -> dict[str, Any]:
            values = row.values()
            created, modified, number = shown(row.created), shown(row.modified), str(row.id)
            properties = {name: values.get(name) for name in known}
            if other_created:
                properties["hs_createdate"] = created
            if sums:
                found = self._portal.records.database.execute(summed, (row.id,)).fetchone()
                properties |= dict(zip(sums, found or (), strict=False))
            properties[created_name], properties[modified_name], properties["hs_object_id"] = created, modified, number
            body: dict[str, Any] = {
                "id": number,
                "properties": properties,
                "createdAt": created,
                "updatedAt": modified,
                "archived": row.archived is not None,
                "url": address + number,
            }
            if history:
                body["propertiesWithHistory"] = self._portal.records.history.of(row.id, history, values, row.created)
            if row.archived is not None:
                body["archivedAt"] = shown(row.archived)
            return body

        return show

    def _history(self, kind: Kind, names: Sequence[str], count: int) -> list[str]:
        if names and count > MOST_WITH_HISTORY:
            raise not_valid(f"at most {MOST_WITH_HISTORY} records may be asked for with history, not {count}")
        return [name for name in dict.fromkeys(names) if self._portal.catalogue.find(kind, name)]

    def _associated(self, row: Row, target: Kind, call: Call) -> dict[str, Any] | None:
        page = self._portal.settings.association_page
        found = self._portal.links.of(row.id, target, limit=page + 1)
        body: dict[str, Any] = {"results": [entry for link in found[:page] for entry in inline(row.kind, target, link)]}
        if len(found) > page:
            last = str(found[page - 1].target)
            link = f"{call.base}/crm/v3/objects/{row.kind.plural}/{row.id}/associations/{target.plural}?after={last}"
            body["paging"] = {"next": {"after": last, "link": link}}
        return body if found else None


def inline(kind: Kind, target: Kind, link: Link) -> Iterable[dict[str, str]]:
    """Yield one entry for each type of an association, as lists and v3 show them: the same id once a type."""
    name = f"{kind.singular}_to_{target.singular}"
    labelled = any(one.label == "Primary" for one in link.types)
    for one in link.types:
        shown = one.label if one.user_defined else f"{name}_unlabeled" if one.label is None and labelled else name
        yield {"id": str(link.target), "type": str(shown)}


def _names(given: Any) -> list[str]:
    return [str(name) for name in given] if isinstance(given, list) else []

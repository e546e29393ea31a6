"""What can be asked of this org: the wanted fields of each object, as far as the org describes them.

Law: what is hidden from us is said, never taken for empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from refsync.model import Stream
from refsync_salesforce.description import STAMPS, Description
from refsync_salesforce.schema import Schema
from refsync_salesforce.sources import Source
from refsync_salesforce.window import Selection, selection
from refsync_salesforce.words import Fields

PROPOSED = frozenset(name for name in Fields().model_dump().values() if name.endswith("__c"))
"""Custom fields that refsync reads where an org happens to have them; nobody has asked for them by name."""
FURTHER = ("Id", "IsDeleted", "Priority", "Description", *STAMPS)
"""Fields that are asked of any object, or that writing a task needs to know."""


class Selections:
    """What can be asked of one org."""

    def __init__(self, schema: Schema, sources: Mapping[Stream, tuple[Source, ...]]) -> None:
        self._schema = schema
        self._sources = sources
        self._by_object = {source.object: source for some in sources.values() for source in some}
        self._plain: dict[Stream, tuple[int, Mapping[str, Any]]] = {}

    def stream(self, stream: Stream) -> list[tuple[Source, Selection | None]]:
        """Return what can be asked for a stream; None for an object that is hidden from us. Raises ConnectorError."""
        used = (source for source in self._sources[stream] if not source.beside and self._is_used(source))
        return [(source, self.source(source)) for source in used]

    def source(self, source: Source) -> Selection | None:
        """Return what can be asked of one object; None when it is hidden from us. Raises ConnectorError."""
        described = self._schema.of(source.object)
        if described is None:
            return None
        has_child = source.child in described.children
        return selection(source, described, self._schema.of(source.child) if has_child else None)

    def of(self, name: str) -> Selection | None:
        """Return what can be asked of the object with this name."""
        return self.source(self._by_object[name])

    def described(self, name: str) -> Description | None:
        """Return the description of an object."""
        return self._schema.of(name)

    def forget(self) -> None:
        """Ask the org anew what it shows."""
        self._schema.forget()

    def lacking(self, stream: Stream) -> frozenset[str]:
        """Return the attributes and custom fields of a stream that are hidden from us although somebody wants them."""
        used = (source for source in self._sources[stream] if self._is_used(source))
        return frozenset().union(*(_lacking(source, self._schema.of(source.object)) for source in used))

    def remembered(self, stream: Stream) -> Mapping[str, Any]:
        """Return what the org has described for a stream, as plain values for the cursor."""
        changes, plain = self._plain.get(stream, (-1, {}))
        if changes != self._schema.changes:
            wanted = _wanted(self._sources[stream])
            plain = {"wanted": _digest(wanted), "objects": self._schema.plain(wanted)}
            self._plain[stream] = (self._schema.changes, plain)
        return plain

    def recall(self, stream: Stream, remembered: Mapping[str, Any]) -> None:
        """Take in what the org described for a stream lately, if it was asked for the same fields. Raises ConnectorError.

        What is hidden although it is wanted is asked for again: whoever shows it to us is not to wait for a day.
        """
        objects = remembered.get("objects")
        if isinstance(objects, dict) and remembered.get("wanted") == _digest(_wanted(self._sources[stream])):
            self._schema.recall(objects)
        for source in self._sources[stream]:
            if self._schema.knows(source.object) and self._is_hidden(source):
                self._schema.forget(source.object)

    def _is_hidden(self, source: Source) -> bool:
        """Whether an object, or something of it, is wanted and not shown."""
        described = self._schema.of(source.object)
        if described is None:
            return not source.optional
        return self._is_used(source) and bool(_lacking(source, described))

    def _is_used(self, source: Source) -> bool:
        """Whether an object can hold anything of the stream."""
        if not source.needs:
            return True
        described = self._schema.of(source.object)
        return described is not None and described.shows(source.needs)


def _lacking(source: Source, described: Description | None) -> set[str]:
    if described is None:
        return set()
    hidden = {name for name in (*source.fields, *source.custom) if not described.shows(name)}
    found = {attribute for attribute, names in source.attributes.items() if hidden & set(names.split()) - _proposed(hidden)}
    return found | (hidden & set(source.custom))


def _wanted(sources: Sequence[Source]) -> dict[str, frozenset[str]]:
    """Return the names that may be asked of each object: fields, and the children that are asked for with it."""
    found = {
        source.object: frozenset((*FURTHER, *source.fields, *source.sometimes, *source.custom, source.child))
        for source in sources
    }
    return found | {source.child: frozenset((*FURTHER, *source.child_fields)) for source in sources if source.child}


def _digest(wanted: Mapping[str, frozenset[str]]) -> str:
    return sha256(repr(sorted((name, sorted(names)) for name, names in wanted.items())).encode()).hexdigest()[:16]


def _proposed(names: set[str]) -> set[str]:
    """Return those names that lead to a field nobody has asked for."""
    return {name for name in names if name.partition(".")[0].replace("__r", "__c") in PROPOSED}

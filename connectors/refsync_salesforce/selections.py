"""What can be asked of this org: the wanted fields of each object, as far as the org describes them.

Law: what is hidden from us is said, never taken for empty.
"""

from __future__ import annotations

from collections.abc import Mapping

from refsync.model import Stream
from refsync_salesforce.schema import Description, Schema
from refsync_salesforce.sources import Source
from refsync_salesforce.window import Selection, selection
from refsync_salesforce.words import Fields

PROPOSED = frozenset(name for name in Fields().model_dump().values() if name.endswith("__c"))
"""Custom fields that refsync reads where an org happens to have them; nobody has asked for them by name."""


class Selections:
    """What can be asked of one org."""

    def __init__(self, schema: Schema, sources: Mapping[Stream, tuple[Source, ...]]) -> None:
        self._schema = schema
        self._sources = sources
        self._by_object = {source.object: source for some in sources.values() for source in some}

    def stream(self, stream: Stream) -> list[tuple[Source, Selection | None]]:
        """Return what can be asked for a stream; None for an object that is hidden from us. Raises ConnectorError."""
        return [(source, self.source(source)) for source in self._sources[stream] if self._is_used(source)]

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
        found: set[str] = set()
        for source in self._sources[stream]:
            described = self._schema.of(source.object)
            if described is None or not self._is_used(source):
                continue
            hidden = {name for name in (*source.fields, *source.custom) if not described.shows(name)}
            found |= {
                attribute for attribute, names in source.attributes.items() if hidden & set(names.split()) - _proposed(hidden)
            }
            found |= hidden & set(source.custom)
        return frozenset(found)

    def _is_used(self, source: Source) -> bool:
        """Whether an object can hold anything of the stream."""
        if not source.needs:
            return True
        described = self._schema.of(source.object)
        return described is not None and described.shows(source.needs)


def _proposed(names: set[str]) -> set[str]:
    """Return those names that lead to a field nobody has asked for."""
    return {name for name in names if name.partition(".")[0].replace("__r", "__c") in PROPOSED}

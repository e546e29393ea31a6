"""The properties that a portal has beside HubSpot's own, and where the rows of a book come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from refsync.book import Book
from refsync.model import Record, SetAside, Stream
from refsync_sandbox.hubspot.introductions import REFERRER
from refsync_sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, TICKET, Kind
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.properties import Property, type_of_values
from refsync_sandbox.hubspot.translate import property_name

KIND_OF_STREAM: Mapping[Stream, Kind] = {
    Stream.ACCOUNTS: COMPANY,
    Stream.CONTACTS: CONTACT,
    Stream.DEALS: DEAL,
    Stream.CASES: TICKET,
    Stream.INTRODUCTIONS: CONTACT,
}
"""The object type whose records hold the further columns of a table."""
_OWN_PROPERTIES = (
    (COMPANY, "tier", "string"),
    (COMPANY, "do_not_contact", "bool"),
    (CONTACT, "do_not_contact", "bool"),
    (CONTACT, REFERRER, "string"),
    (DEAL, "referred_by_contact_id", "string"),
    (TICKET, "escalated", "bool"),
)
"""What this portal's people added for what HubSpot has no property for."""


def define_properties(book: Book, portal: Portal) -> None:
    """Define what every portal of ours has, and a property for each further column of the book, of the type of its values."""
    for kind, name, type_ in _OWN_PROPERTIES:
        portal.catalogue.add(kind, Property(name=name, type=type_))
    for stream, kind in KIND_OF_STREAM.items():
        columns = book.custom_columns(stream)
        types: dict[str, set[str]] = {column: set() for column in columns}
        for record in rows_of(book, stream) if columns else ():
            for column, value in _custom(record).items():
                types[column].add(type_of_values((value,)))
        for column, found in types.items():
            define(portal, kind, column, found.pop() if len(found) == 1 else "string")


def define(portal: Portal, kind: Kind, column: str, type_: str) -> None:
    """Make sure that there is a property for a further column of the book."""
    if portal.catalogue.find(kind, property_name(column)) is None:
        portal.catalogue.add(kind, Property(name=property_name(column), label=column, type=type_))


def _custom(record: Record) -> Mapping[str, str]:
    return getattr(record, "custom", {})


def rows_of(book: Book, stream: Stream) -> Iterator[Record]:
    """Yield the rows of a table that the book does not set aside."""
    return (row for row in book.read(stream) if not isinstance(row, SetAside))

"""What an org has, as its book demands it: custom fields for further columns, person accounts, people of several accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from refsync.book import Book, file_name
from refsync.model import Stream
from refsync_sandbox.salesforce.custom import Guess, custom_name
from refsync_sandbox.salesforce.objects import standard
from refsync_sandbox.salesforce.persons import FIELDS, PERSON
from refsync_sandbox.salesforce.schema import Field, Schema, SObject
from refsync_sandbox.salesforce.translate import OBJECTS


def schema_for(book: Book) -> Schema:
    """Return the standard schema with a field for every further column of the book, typed by its values.

    Fields of person accounts are shown when accounts.csv says who is a person, AccountContactRelation when there is a file of
    further accounts.
    """
    extra = {OBJECTS[stream]: list(_custom_fields(book, stream)) for stream in Stream if stream in OBJECTS}
    schema = standard().with_fields(extra)
    if PERSON in book.custom_columns(Stream.ACCOUNTS):
        for name, fields in FIELDS.items():
            schema = schema.with_fields({name: _shown(schema.objects[name], fields)})
    if (book.folder / file_name(Stream.ACCOUNT_CONTACTS)).is_file():
        relation = replace(schema.objects["AccountContactRelation"], visible=True)
        schema.put(relation, schema.changed)
    return schema


def _shown(subject: SObject, names: tuple[str, ...]) -> list[Field]:
    return [replace(subject.fields[name], visible=True) for name in names]


def _custom_fields(book: Book, stream: Stream) -> Iterator[Field]:
    columns = [column for column in book.custom_columns(stream) if (stream, column) != (Stream.ACCOUNTS, PERSON)]
    if not columns:
        return
    guesses = {column: Guess() for column in columns}
    for record in book.read(stream):
        custom: Mapping[str, str] = getattr(record, "custom", {})
        for column in guesses.keys() & custom.keys():
            guesses[column].see(custom[column])
    known = standard().objects[OBJECTS[stream]]
    for column, guess in guesses.items():
        if custom_name(column) not in known.fields:
            yield guess.field(custom_name(column))

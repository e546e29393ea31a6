"""The tables of a portal's database; that of histories is in `history`."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  created INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  indexed INTEGER NOT NULL,
  archived INTEGER,
  properties BLOB NOT NULL
);
CREATE TABLE unique_value (
  property TEXT NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (property, value, id)
) WITHOUT ROWID;
CREATE TABLE link (
  origin INTEGER NOT NULL, kind INTEGER NOT NULL, target INTEGER NOT NULL, type INTEGER NOT NULL,
  PRIMARY KEY (origin, kind, target, type)
) WITHOUT ROWID;
CREATE TABLE book_id (
  book TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (book, name)
) WITHOUT ROWID;
CREATE TABLE version (
  id INTEGER NOT NULL, kind INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, since INTEGER NOT NULL,
  until INTEGER NOT NULL, properties BLOB NOT NULL
);
CREATE INDEX version_by_time ON version (kind, until);
CREATE TABLE written (task INTEGER NOT NULL, writer TEXT NOT NULL);
"""
INDEXES = {
    "record_by_change": "record (kind, modified, indexed) WHERE archived IS NULL",
    "record_archived": "record (id) WHERE archived IS NOT NULL",
    "book_id_by_id": "book_id (book, id)",
}
"""The indexes, which are made anew after much was taken in."""

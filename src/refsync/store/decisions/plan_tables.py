"""The tables of what a person decides about whole runs: plans to review, what waits for an approval, what is paused.

Of what they hold nothing is in a CRM. They belong to the metadata of tables.py.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from refsync.store.tables import metadata

__all__ = ["again", "first_match", "metadata", "pause", "plan", "plan_item", "rule_seen"]

plan = Table(
    "plan",
    metadata,
    Column("connection", String, primary_key=True, nullable=False),
    Column("id", String, primary_key=True, nullable=False),  # hash of what it holds: the same plan has the same id
    Column("made_at", BigInteger, nullable=False),
    Column("now", BigInteger, nullable=False),  # the instant by which it was judged
    Column("digest", String, nullable=False),  # of the folder of rules
    Column("run", String, nullable=False),  # the run that made it
    Column("stopped_by", String, nullable=False),  # the limit that waits for an approval; empty: none does
    Column("approved_at", BigInteger),
    Column("applied_at", BigInteger),
    Column("applied_by", String, nullable=False),  # the run that carried it out; empty: none did
    Column("report", Text, nullable=False),  # JSON: counts of what it leaves alone, by reason
    sqlite_with_rowid=False,
)
Index("plan_made", plan.c.connection, plan.c.made_at)

plan_item = Table(
    "plan_item",
    metadata,
    Column("connection", String, primary_key=True, nullable=False),
    Column("plan", String, primary_key=True, nullable=False),
    Column("place", Integer, primary_key=True, nullable=False),
    Column("action", String, nullable=False),  # create, close, give, hold, watch
    Column("rule", String, nullable=False),
    Column("subject_id", String, nullable=False),
    Column("account_id", String),
    Column("owner_id", String, nullable=False),
    Column("key", String, nullable=False),  # empty for what is held or watched
    Column("rank", Integer, nullable=False),  # for what is held: its place among what the same reason holds, 1 first
    Column("reason", Text, nullable=False),
    Column("content", Text, nullable=False),  # JSON: the task as it is to be written; empty for what is held
    Column("outcome", Text, nullable=False),  # what became of it when the plan was carried out
    sqlite_with_rowid=False,
)

rule_seen = Table(
    "rule_seen",
    metadata,
    Column("connection", String, primary_key=True, nullable=False),
    Column("rule", String, primary_key=True, nullable=False),
    Column("live_since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

first_match = Table(
    "first_match",  # what a rule matched when it went live, as long as it matches
    metadata,
    Column("connection", String, primary_key=True, nullable=False),
    Column("rule", String, primary_key=True, nullable=False),
    Column("subject_id", String, primary_key=True, nullable=False),
    Column("place", Integer, nullable=False),  # 1 is the oldest
    Column("state", String, nullable=False),  # held, passed, refused
    sqlite_with_rowid=False,
)

pause = Table(
    "pause",
    metadata,
    Column("connection", String, primary_key=True, nullable=False),
    Column("rule", String, primary_key=True, nullable=False),  # empty: every rule
    Column("since", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    sqlite_with_rowid=False,
)

again = Table(
    "again",  # findings that were taken back and may come again, for a person has said so
    metadata,
    Column("connection", String, primary_key=True, nullable=False),
    Column("key", String, primary_key=True, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

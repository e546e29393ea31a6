"""The tables. Instants are BIGINT UTC milliseconds, plain dates ISO text, ids the CRM's own text.

The mirror (user .. activity_contact) is what the CRM holds. `touch`, `milestone` and the columns that are WORKED_OUT are
functions of the mirror and of the company's settings and can be rebuilt at any time. `finding` is the ledger: what it knows is
in no CRM.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from refsync.model import Stream

metadata = MetaData()


WORKED_OUT = {"worked_out": True}
"""Marks a column of a mirrored table that the CRM does not fill; such columns come last."""


def stored(table: Table) -> list[Column[Any]]:
    """Return the columns that records are stored into: all but those that are worked out here."""
    return [column for column in table.columns if not column.info.get("worked_out")]


def _key(name: str, kind: type[TypeEngine[Any]] = String) -> Column[Any]:
    return Column(name, kind, primary_key=True, nullable=False)


def _mirrored(name: str, *columns: Column[object], by_arrival: bool = False) -> Table:
    """Return a table of CRM records led by (connection, id); SQLite keeps its rows in the order of the key, or of arrival."""
    return Table(name, metadata, _key("connection"), _key("id"), *columns, sqlite_with_rowid=by_arrival)


user = _mirrored(
    "crm_user",  # `user` is a reserved word in PostgreSQL
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("manager_id", String),
    Column("time_zone", String, nullable=False),
    Column("away_from", BigInteger),
    Column("away_until", BigInteger),
    Column("custom", Text),
)

account = _mirrored(
    "account",
    Column("name", String, nullable=False),
    Column("owner_id", String),
    Column("parent_id", String),
    Column("status", String),
    Column("tier", String, nullable=False),
    Column("industry", String, nullable=False),
    Column("annual_revenue", Double),
    Column("created_at", BigInteger),
    Column("do_not_contact", Boolean),
    Column("custom", Text),
    Column("last_touch_at", BigInteger, info=WORKED_OUT),
    Column("last_two_way_at", BigInteger, info=WORKED_OUT),
    Column("first_two_way_at", BigInteger, info=WORKED_OUT),
)
Index("account_parent", account.c.connection, account.c.parent_id)

contact = _mirrored(
    "contact",
    Column("account_id", String),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("phone", String, nullable=False),
    Column("title", String, nullable=False),
    Column("owner_id", String),
    Column("created_at", BigInteger),
    Column("do_not_contact", Boolean),
    Column("custom", Text),
    Column("last_touch_at", BigInteger, info=WORKED_OUT),
    Column("last_two_way_at", BigInteger, info=WORKED_OUT),
)
Index("contact_account", contact.c.connection, contact.c.account_id)

account_contact = _mirrored(
    "account_contact",
    Column("account_id", String, nullable=False),
    Column("contact_id", String, nullable=False),
    Column("role", String, nullable=False),
)
Index("account_contact_account", account_contact.c.connection, account_contact.c.account_id)
Index("account_contact_contact", account_contact.c.connection, account_contact.c.contact_id, account_contact.c.account_id)

deal = _mirrored(
    "deal",
    Column("account_id", String),
    Column("name", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("status", String),
    Column("amount", Double),
    Column("currency", String, nullable=False),
    Column("owner_id", String),
    Column("created_at", BigInteger),
    Column("closed_on", String(10)),
    Column("referred_by_contact_id", String),
    Column("custom", Text),
)
Index("deal_account", deal.c.connection, deal.c.account_id)

deal_contact = _mirrored(
    "deal_contact",
    Column("deal_id", String, nullable=False),
    Column("contact_id", String, nullable=False),
    Column("role", String, nullable=False),
    Column("is_primary", Boolean, nullable=False),
)
Index(
    "deal_contact_deal",
    deal_contact.c.connection,
    deal_contact.c.deal_id,
    deal_contact.c.is_primary,
    deal_contact.c.contact_id,
)
Index("deal_contact_contact", deal_contact.c.connection, deal_contact.c.contact_id, deal_contact.c.deal_id)

introduction = _mirrored(
    "introduction",
    Column("source_contact_id", String),
    Column("source_name", String, nullable=False),
    Column("person_name", String, nullable=False),
    Column("person_contact_id", String),
    Column("account_id", String),
    Column("deal_id", String),
    Column("owner_id", String),
    Column("status", String),
    Column("status_since", BigInteger),
    Column("made_at", BigInteger),
    Column("kind", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("custom", Text),
)
Index("introduction_account", introduction.c.connection, introduction.c.account_id)
Index("introduction_source", introduction.c.connection, introduction.c.source_contact_id)
Index("introduction_person", introduction.c.connection, introduction.c.person_contact_id)
Index("introduction_deal", introduction.c.connection, introduction.c.deal_id)

case = _mirrored(
    "support_case",
    Column("account_id", String),
    Column("subject", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("status", String, nullable=False),
    Column("escalated", Boolean, nullable=False),
    Column("opened_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("custom", Text),
)
Index("case_account", case.c.connection, case.c.account_id)

activity = _mirrored(
    "activity",
    Column("kind", String, nullable=False),
    Column("direction", String),
    Column("at", BigInteger),
    Column("ended_at", BigInteger),
    Column("status", String),
    Column("automated", Boolean, nullable=False),
    Column("subject", String, nullable=False),
    Column("owner_id", String),
    Column("account_id", String),
    Column("deal_id", String),
    Column("task_key", String, nullable=False),
    Column("not_touch", String, nullable=False),  # why it does not count; empty: it counts
    # they come by the million, in no order of their ids: each would go to a page of its own
    by_arrival=True,
)
Index("activity_account", activity.c.connection, activity.c.account_id, activity.c.at)
has_deal = activity.c.deal_id.is_not(None)
Index("activity_deal", activity.c.connection, activity.c.deal_id, sqlite_where=has_deal, postgresql_where=has_deal)
is_plan = activity.c.kind.in_([literal_column("'task'"), literal_column("'meeting'")])
"""What plans are made of. A query finds the index beneath only when it repeats this very condition, without bound values."""
Index(
    "activity_plan",  # all that a plan says, so that the rows themselves, spread over the largest table, are not looked up
    activity.c.connection,
    activity.c.kind,
    activity.c.at,
    activity.c.status,
    activity.c.task_key,
    activity.c.account_id,
    activity.c.deal_id,
    activity.c.id,
    sqlite_where=is_plan,
    postgresql_where=is_plan,
)

activity_contact = Table(
    "activity_contact",
    metadata,
    _key("connection"),
    _key("activity_id"),
    _key("contact_id"),
    sqlite_with_rowid=False,
)
Index("activity_contact_contact", activity_contact.c.connection, activity_contact.c.contact_id)

touch = Table(
    "touch",
    metadata,
    _key("connection"),
    _key("activity_id"),
    _key("contact_id"),  # empty: somebody at the account, we do not know who
    _key("account_id"),  # a person who belongs to several accounts was in touch for each of them
    Column("at", BigInteger, nullable=False),  # may lie ahead: every reader bounds it by now
    Column("channel", String, nullable=False),
    Column("direction", String),
    Column("two_way", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("touch_account", touch.c.connection, touch.c.account_id, touch.c.at, touch.c.two_way, touch.c.channel)
Index("touch_contact", touch.c.connection, touch.c.contact_id, touch.c.at, touch.c.two_way)

milestone = Table(
    "milestone",
    metadata,
    _key("connection"),
    _key("id"),  # `signed:<deal id>`, `implemented:<account id>`: CRM facts only
    Column("kind", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("contact_id", String),
    Column("deal_id", String),
    Column("reached", BigInteger, nullable=False),
    Column("evidence", String, nullable=False),
    sqlite_with_rowid=False,
)
Index("milestone_account", milestone.c.connection, milestone.c.account_id, milestone.c.kind, milestone.c.reached)
Index("milestone_reached", milestone.c.connection, milestone.c.kind, milestone.c.reached)

stream_state = Table(
    "stream_state",
    metadata,
    _key("connection"),
    _key("stream"),
    Column("cursor", Text),
    Column("synced_at", BigInteger),  # start of the last read that came to its end
    Column("partial", Text, nullable=False),  # why the last read did not; empty: it did
    Column("complete_since", BigInteger),
    Column("sweep_cursor", Text),
    Column("swept_at", BigInteger),
    Column("reads_whole", Boolean, nullable=False, server_default=false()),  # the last read that ended showed all there is
    Column("lacking", Text),  # JSON: attributes and custom fields that the CRM does not show us
)

listed = Table(
    "listed",  # what a read or a sweep that may turn out whole has shown so far
    metadata,
    _key("connection"),
    _key("stream"),
    _key("by"),  # read or sweep
    _key("id"),
    sqlite_with_rowid=False,
)

missing = Table(
    "missing",  # records that a whole read or sweep did not show
    metadata,
    _key("connection"),
    _key("stream"),
    _key("id"),
    Column("since", BigInteger, nullable=False),
    Column("due", Boolean, nullable=False),  # to be deleted, unless the brake holds
    sqlite_with_rowid=False,
)

budget = Table(
    "budget",
    metadata,
    _key("connection"),
    _key("name"),
    _key("window_ms", BigInteger),
    Column("window", BigInteger, nullable=False),  # when the window began
    Column("taken", BigInteger, nullable=False),  # calls of this window that processes may have made
    sqlite_with_rowid=False,
)

derivation = Table(
    "derivation",
    metadata,
    _key("connection"),
    Column("settings", String, nullable=False),  # hash of the settings that touch and milestone were derived with
)

quarantine = Table(
    "quarantine",
    metadata,
    _key("connection"),
    _key("stream"),
    _key("id"),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("place", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    _key("connection"),
    _key("key"),
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),  # ask, care, thanks, follow-up
    Column("subject_kind", String, nullable=False),
    Column("subject_id", String, nullable=False),
    Column("episode", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("account_id", String),
    Column("contact_id", String),
    Column("deal_id", String),
    Column("owner_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("waiting_for", String, nullable=False),  # key of the finding whose task has to be done first
    Column("subject", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("do", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("due_on", String(10), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: what the rule saw
    Column("task_id", String, nullable=False),
    Column("reason", Text, nullable=False),  # why it was closed or refused
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("sent_at", BigInteger),  # when the last create was sent: after an unknown outcome, how long to wait
    Column("missed_at", BigInteger),  # when the CRM first showed no task of it after that
    Column("run", String, nullable=False),
    Column("edited", String, nullable=False, server_default=""),  # what a person changed of the task: owner due subject
    Column("holder_id", String, nullable=False, server_default=""),  # to whom a person gave it; empty: owner_id has it
    Column("moved_to", String(10)),  # the day to which a person moved it
    Column("ending", String, nullable=False, server_default=""),  # the state it gets once the CRM has closed its task
    Column("next_owner_id", String, nullable=False, server_default=""),  # whose it is once the CRM has moved its task
    Column("verified_at", BigInteger),  # when somebody was in touch since it was written; for what is done
)
Index("finding_subject", finding.c.connection, finding.c.rule, finding.c.subject_id)
Index("finding_account", finding.c.connection, finding.c.account_id)
Index("finding_state", finding.c.connection, finding.c.state)

transition = Table(
    "transition",  # the story of each finding; rows are only ever added
    metadata,
    _key("connection"),
    _key("key"),
    _key("number", Integer),  # from 1, for each finding
    Column("at", BigInteger, nullable=False),
    Column("from_state", String, nullable=False),  # empty: it came into being
    Column("to_state", String, nullable=False),  # empty: it was dropped, nothing of it was ever in the CRM
    Column("why", Text, nullable=False),
    Column("run", String, nullable=False),
    sqlite_with_rowid=False,
)

draw = Table(
    "draw",  # what rules with a holdout wanted for the first time; rows are only ever added
    metadata,
    _key("connection"),
    _key("key"),  # of the finding, whether or not there ever was one
    Column("rule", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("account_id", String, nullable=False),
    Column("contact_id", String, nullable=False),  # of what is about a person; empty: it is about the account
    Column("at", BigInteger, nullable=False),
    Column("left_out", Boolean, nullable=False),
    sqlite_with_rowid=False,
)

run = Table(
    "run",
    metadata,
    _key("connection"),
    _key("id"),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("now", BigInteger, nullable=False),
    Column("kind", String, nullable=False, server_default="sync"),  # sync, dry run, plan, apply, undo
    Column("outcome", String, nullable=False),  # running, done, partial, failed
    Column("report", Text, nullable=False),  # JSON
)
Index("run_began", run.c.connection, run.c.began_at)

lease = Table(
    "lease",
    metadata,
    _key("connection"),
    Column("holder", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

TABLE_OF: Mapping[Stream, Table] = MappingProxyType(
    {
        Stream.USERS: user,
        Stream.ACCOUNTS: account,
        Stream.CONTACTS: contact,
        Stream.ACCOUNT_CONTACTS: account_contact,
        Stream.DEALS: deal,
        Stream.DEAL_CONTACTS: deal_contact,
        Stream.INTRODUCTIONS: introduction,
        Stream.CASES: case,
        Stream.ACTIVITIES: activity,
    }
)

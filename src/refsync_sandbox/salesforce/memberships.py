"""Who belongs to which accounts, where people can belong to several.

Law: a contact with an account has one direct relation to it, kept by Salesforce itself; further ones are indirect.
"""

from __future__ import annotations

import sqlite3

from refsync_sandbox.salesforce.schema import Schema

RELATION = "AccountContactRelation"
_DIRECT = f"""INSERT INTO {RELATION} (Id, AccountId, ContactId, IsDirect, IsActive, CreatedDate, CreatedById,
        LastModifiedDate, LastModifiedById, SystemModstamp)
    SELECT nth_id('$prefix', row_number() OVER (ORDER BY Id) - 1), AccountId, Id, 1, 1, CreatedDate, CreatedById,
        LastModifiedDate, LastModifiedById, SystemModstamp
    FROM Contact WHERE AccountId IS NOT NULL AND NOT IsPersonAccount"""  # noqa: S608 - a constant


def join_directly(database: sqlite3.Connection, schema: Schema) -> int:
    """Give every contact its direct relation and return how many there are."""
    return database.execute(_DIRECT.replace("$prefix", schema.objects[RELATION].prefix)).rowcount

"""Which account is meant: by its name, by how its name begins, or by its CRM id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from refsync.errors import Problem, UserError
from refsync.rules.why.explain import find_account
from refsync.store.engine import Store, rows


def account_named(stores: Iterable[tuple[str, Store]], account: str) -> tuple[str, Store, dict[str, Any]]:
    """Return the connection, the store and the row (id, name) of the one account that is meant. Raises UserError."""
    for connection, store in stores:
        with store.read() as db:
            named = rows(db, find_account(account, connection))
        if len({row["id"] for row in named}) > 1 and not any(account in {row["id"], row["name"]} for row in named):
            meant = ", ".join(f'"{row["name"]}"' for row in named)
            raise UserError(Problem(message=f'"{account}" is the beginning of several names', hint=f"one of {meant}"))
        if named:
            return connection, store, named[0]
    raise UserError(Problem(message=f'there is no account "{account}"', hint="give its name, how the name begins, or its CRM id"))

"""PostgreSQL (and Citus) as refsync uses it: limits on every statement, no advisory locks, reads from one snapshot."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import DBAPIError

from refsync.errors import StoreError

LIMITS = (
    "-c statement_timeout=600000 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=120000 "
    "-c jit=off"  # compiling the long statement of a rule takes longer than carrying it out
)
UNREACHABLE = "the database at {where} cannot be reached; check that it runs and that the address and the sign-in are right"
MEANING = {
    "08": UNREACHABLE,
    "28": "the database at {where} does not accept the sign-in; check user and password",
    "3D": "the database at {where} does not exist; create it",
    "40": "another process changed the same rows; the next run repeats it",
    "53": "the database at {where} is short of room or connections",
    "55P03": "a table of the database at {where} is locked; stop what else uses it",
    "57": "the database at {where} ended the statement or the connection",
    "XX": "the database at {where} is damaged: stop refsync, restore the last backup, then start again",
}


def write_engine(url: URL) -> Engine:
    """Return an engine over psycopg 3. Raises StoreError when psycopg is not installed."""
    limits = {} if "options" in url.query else {"options": LIMITS}
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),  # a bare `postgresql` means another driver before SQLAlchemy 2.1
            hide_parameters=True,
            pool_pre_ping=True,
            paramstyle="format",  # rows go in as tuples
            connect_args={"connect_timeout": 10, **limits},
        )
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs the package psycopg: pip install 'psycopg[binary]'") from None


def read_engine(engine: Engine) -> Engine:
    """Return the same engine for transactions that cannot write and see one snapshot."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def meaning(error: DBAPIError, where: str) -> str | None:
    """Return what an error of the database means and what to do; None when it is no trouble of the storage."""
    state = getattr(error.orig, "sqlstate", None) or ("08000" if error.connection_invalidated or _no_connection(error) else "")
    return next((text.format(where=where) for code, text in MEANING.items() if state.startswith(code)), None)


def _no_connection(error: DBAPIError) -> bool:
    # psycopg gives no sqlstate when it never got through
    return type(error.orig).__name__ in {"OperationalError", "InterfaceError", "ConnectionTimeout"}

"""A PostgreSQL for the tests: the one that REFSYNC_TEST_PG names, else one of our own for as long as the tests run.

Law: what is of the tests lies in a schema of its own that goes with them; where no server is to be had, `Unavailable` says why.
PostgreSQL refuses to run as root, so root starts it as the system user `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

VARIABLE = "REFSYNC_TEST_PG"
USER = "postgres"
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off", "listen_addresses=''")
"""Nothing of a test has to survive a power cut, and a vacuum in between would make the times differ."""
numbers = count(1)


class Unavailable(Exception):
    """There is no PostgreSQL here, and why."""


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a server's database. Raises Unavailable."""
    if named := os.environ.get(VARIABLE, ""):
        yield named
        return
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="refsync-pg-"))  # short: a socket's path has at most 107 characters
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        data, options = folder / "data", " ".join(f"-c {one}" for one in SETTINGS)
        _run(f"{programs / 'initdb'} -D {data} -U {USER} -A trust -E UTF8 --no-sync")
        _run(f"{programs / 'pg_ctl'} -D {data} -l {folder / 'log'} -w -o {shlex.quote(f'-k {folder} {options}')} start")
        stop = f"{programs / 'pg_ctl'} -D {data} -m immediate stop"
        _watch(folder, stop)
        try:
            yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
        finally:
            _run(stop)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def schema(address: str) -> Iterator[str]:
    """Give the address with an empty schema of its own, which is dropped afterwards."""
    url: URL = make_url(address).set(drivername="postgresql+psycopg")
    name = f"refsync_test_{os.getpid()}_{next(numbers)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as db:
            db.execute(text(f"CREATE SCHEMA {name}"))
        try:
            yield url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
        finally:
            with engine.connect() as db:
                db.execute(text(f"DROP SCHEMA {name} CASCADE"))
    finally:
        engine.dispose()


def _programs() -> Path:
    """Return the folder of the system's newest PostgreSQL."""
    if os.geteuid() == 0 and not _known(USER):
        raise Unavailable(f"{VARIABLE} names no database, and root would need a system user {USER} to start one")
    found = shutil.which("initdb")
    if found and (Path(found).parent / "pg_ctl").exists():
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        raise Unavailable(f"{VARIABLE} names no database, and there is no initdb to make one")
    return folders[-1]


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _watch(folder: Path, stop: str) -> None:
    """Have a shell stop the server when the tests are gone without having done so: killed tests tidy nothing up."""
    alone = f"while kill -0 {os.getpid()} 2>/dev/null && [ -d {folder} ]; do sleep 1; done"
    tidy = f"[ -d {folder} ] && {shlex.join(_as_user(stop))}; rm -rf {folder}"
    quiet = subprocess.DEVNULL
    subprocess.Popen(["sh", "-c", f"{alone}; {tidy}"], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, cwd="/")


def _as_user(command: str) -> list[str]:
    return ["su", USER, "-s", "/bin/sh", "-c", command] if os.geteuid() == 0 else ["sh", "-c", command]


def _run(command: str) -> None:
    # what the server inherits it keeps open: with pipes there would be no end to wait for
    done = subprocess.run(
        _as_user(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60, cwd="/"
    )
    if done.returncode:
        raise Unavailable(f"{command.split()[0]} ended with exit code {done.returncode}")

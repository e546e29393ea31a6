"""Rule folders and a store in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, StaticPool, create_engine

from refsync.rules.files.folder import check
from refsync.rules.rule import RuleSet
from refsync.store.tables import metadata
from tests.postgresql import schema
from tests.rules.mirror import Mirror

COMPANY = 'time_zone = "UTC"\n'
SEGMENTS = """
[defaults]
long_silence = "2 years"
ask_after = ["signed", "implemented", "roi"]
[segment]
key = { when = { account.tier = "A" }, reconnect_after = "30 days" }
core = { when = { account.tier = "B" }, reconnect_after = "60 days", ask_after = ["roi"] }
long-tail = { when = {}, reconnect_after = "120 days" }
"""
SUPPRESS = "[suppress]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a rule folder: shared files by default, rule files by name."""

    def write(**files: str) -> Path:
        shared = {"company": COMPANY, "segments": SEGMENTS, "suppress": SUPPRESS}
        for name, text in {**shared, **files}.items():
            (tmp_path / f"{name.replace('_', '-')}.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def rules(folder: Callable[..., Path]) -> Callable[..., RuleSet]:
    """Return a function that writes a rule folder and loads it; the folder must be without errors."""

    def load(**files: str) -> RuleSet:
        found, problems = check(folder(**files))
        assert found is not None, "\n".join(map(str, problems))
        return found

    return load


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    """Return an empty store in memory."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as db:
        metadata.create_all(db)
        yield Mirror(db)
    engine.dispose()


@pytest.fixture(scope="module")
def engines(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Connection]]:
    """Give a database with empty tables in each engine there is; what a test writes is to be rolled back."""
    with ExitStack() as stack:
        opened = {"sqlite": stack.enter_context(_opened("sqlite://", poolclass=StaticPool))}
        try:
            url = stack.enter_context(schema(request.getfixturevalue("postgresql")))
        except pytest.skip.Exception:
            yield opened  # the test of both engines says why
            return
        yield {**opened, "postgresql": stack.enter_context(_opened(url))}


@contextmanager
def _opened(url: str, **options: Any) -> Iterator[Connection]:
    engine = create_engine(url, **options)
    with engine.connect() as connection:
        metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()

"""The statements that the org is asked, written down for whoever wants to judge them (`make test-clients TRIALS=soql`).

Law: nothing is written unless `REFSYNC_SANDBOX_SOQL` names a file. Several sandboxes may write into one: each line is a statement
as JSON, appended in one go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import orjson

from refsync_sandbox.salesforce.calls import Call

VARIABLE = "REFSYNC_SANDBOX_SOQL"


class Asked:
    """Writes down what one org is asked, each statement once."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: set[str] = set()

    @classmethod
    def told_by(cls, environment: Mapping[str, str]) -> Asked:
        """Return what writes into the file that the environment names, or nowhere."""
        named = environment.get(VARIABLE)
        return cls(Path(named) if named else None)

    def note(self, call: Call) -> None:
        """Take in a call, also one inside another."""
        statement = _statement(call) if self._file is not None else ""
        if self._file is None or not statement or statement in self._known:
            return
        self._known.add(statement)
        line = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(line, orjson.dumps(statement) + b"\n")
        finally:
            os.close(line)


def _statement(call: Call) -> str:
    if call.name == "POST jobs/query":
        return str(call.object().get("query") or "")
    return call.query.get("q", "") if call.found.pattern in ("query", "queryAll") else ""

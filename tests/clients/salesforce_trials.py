"""Clients of Salesforce: simple-salesforce, jsforce, tap-salesforce, and a parser that judges our own SOQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from refsync_sandbox.salesforce.asked import VARIABLE
from refsync_sandbox.salesforce.secrets import Secrets
from tests.clients.stage import Crm, Stage
from tests.clients.trial import Step, Trial, told_by

HERE = Path(__file__).parent / "salesforce"
HOST = ".salesforce.com"
PAGE = 200
OUR_TESTS = ("tests/salesforce", "tests/contract", "tests/faults", "tests/system")
"""The tests in which the connector speaks, in this process or as part of a CLI or daemon."""


def signed_in(crm: Crm) -> Mapping[str, str]:
    """Return a client's environment with what signs it in, and short pages."""
    secrets = Secrets()
    crm.control("org", {"steps": [{"do": "pages", "most": PAGE}]})
    return {
        **crm.environment,
        "CRM_USERNAME": secrets.username,
        "CRM_PASSWORD": secrets.password,
        "CRM_SECURITY_TOKEN": secrets.security_token,
        "CRM_CONSUMER_KEY": secrets.client_id,
        "CRM_CONSUMER_SECRET": secrets.client_secret,
        "CRM_CONTACTS": str(crm.count("contacts")),
    }


def simple_salesforce(stage: Stage) -> Trial:
    """Its own https and its own host names, through the tunnel."""
    with stage.crm("salesforce", HOST) as crm:
        command = [stage.python("simple-salesforce") / "python", HERE / "simple_salesforce_trial.py"]
        steps = told_by(command, signed_in(crm))
    return Trial(
        client="simple-salesforce 1.12.10",
        expected=(
            "sign in by SOAP",
            "sign in by client credentials",
            "query",
            "query_all with paging",
            "describe",
            "create, update, get, delete",
            "upsert by external id",
            "refused column",
            "upsert that names several",
            "bulk2 query",
            "limits",
            "ran to its end",
        ),
        steps=steps,
        cannot={"Bulk API 2.0 ingest, Bulk API 1, Apex, SOSL": "the stand-in does not serve what refsync does not use"},
    )


def jsforce(stage: Stage) -> Trial:
    """Over plain http, as its loginUrl allows."""
    with stage.crm("salesforce", HOST) as crm:
        folder = _module(stage, "jsforce_trial.mjs")
        steps = told_by(["node", folder], {**signed_in(crm), "HTTPS_PROXY": "", "https_proxy": ""})
    return Trial(
        client="jsforce 3.10.16",
        expected=(
            "sign in by SOAP",
            "sign in by OAuth",
            "query with paging",
            "query with children",
            "describe",
            "create, update, retrieve, delete",
            "collections",
            "upsert by external id",
            "bulk2 query",
            "limits",
            "ran to its end",
        ),
        steps=steps,
        cannot={"streaming, metadata, tooling, Apex": "the stand-in does not serve what refsync does not use"},
    )


def tap_salesforce(stage: Stage) -> Trial:
    """Discovery and a sync of every table of the book, REST, through the tunnel: its addresses are built in."""
    with stage.crm("salesforce", HOST) as crm:
        tap, environment = stage.python("tap-salesforce") / "tap-salesforce", signed_in(crm)
        config = stage.scratch / "tap.json"
        secrets = Secrets()
        config.write_text(
            json.dumps(
                {
                    "client_id": secrets.client_id,
                    "client_secret": secrets.client_secret,
                    "refresh_token": secrets.refresh_token,
                    "start_date": "2010-01-01T00:00:00Z",
                    "api_type": "REST",
                    "select_fields_by_default": True,
                }
            )
        )
        steps, catalog = _discovered(_ran([tap, "--config", config, "--discover"], environment))
        if catalog:
            chosen = stage.scratch / "catalog.json"
            chosen.write_text(json.dumps(catalog))
            ran = _ran([tap, "--config", config, "--properties", chosen], environment)
            steps += _synced(ran, {"Contact": crm.count("contacts"), "Account": crm.count("accounts")})
    return Trial(client="tap-salesforce 2.8.1", expected=("discover", "sync", "state"), steps=tuple(steps))


TAPPED = ("User", "Account", "Contact", "Opportunity", "OpportunityContactRole", "Case", "Task", "Event", "EmailMessage")


def _ran(command: list[Path | str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    given = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run([str(part) for part in command], env=given, capture_output=True, text=True, timeout=300, check=False)


def _discovered(ran: subprocess.CompletedProcess[str]) -> tuple[list[Step], dict[str, Any] | None]:
    try:
        catalog = json.loads(ran.stdout)
    except ValueError:
        return [Step(name="discover", ok=False, told=" ".join(ran.stderr.split())[-400:])], None
    streams = {stream["tap_stream_id"]: stream for stream in catalog["streams"]}
    for name in TAPPED:
        for entry in streams.get(name, {}).get("metadata", ()):
            if not entry["breadcrumb"]:
                entry["metadata"] |= {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    ok = set(TAPPED) <= set(streams)
    return [Step(name="discover", ok=ok, told=f"{len(streams)} streams; chosen: {', '.join(TAPPED)}")], catalog


def _synced(ran: subprocess.CompletedProcess[str], expected: Mapping[str, int]) -> list[Step]:
    messages = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    rows: dict[str, int] = {}
    for message in messages:
        if message["type"] == "RECORD":
            rows[message["stream"]] = rows.get(message["stream"], 0) + 1
    told = ", ".join(f"{count} {name}" for name, count in rows.items())
    right = ran.returncode == 0 and set(TAPPED) <= set(rows) and all(rows[name] == count for name, count in expected.items())
    states: list[dict[str, Any]] = [message["value"] for message in messages if message["type"] == "STATE"]
    marks = states[-1].get("bookmarks", {}) if states else {}
    behind = [name for name in TAPPED if "SystemModstamp" in marks.get(name, {})]
    return [
        Step(name="sync", ok=right, told=told if right else f"{told}; {' '.join(ran.stderr.split())[-400:]}"),
        Step(name="state", ok=set(behind) == set(TAPPED), told=f"bookmarks of {len(behind)} streams"),
    ]


def soql(stage: Stage) -> Trial:
    """Every statement that the connector sends in its own tests, judged by a parser of somebody else."""
    file = stage.scratch / "soql.json"
    command = [sys.executable, "-m", "pytest", "-p", "tests.clients.soql_recorder", *OUR_TESTS]
    told_to = {"REFSYNC_SOQL": str(file), VARIABLE: str(stage.scratch / "asked.jsonl")}
    ran = subprocess.run(command, env={**os.environ, **told_to}, capture_output=True, text=True, timeout=2400, check=False)
    lines = ran.stdout.strip().splitlines()
    told = [line for line in lines if line.startswith(("FAILED", "ERROR"))][:5] + lines[-1:]
    tests = Step(name="our tests", ok=ran.returncode == 0, told="; ".join(told))
    statements = _recorded(file) | _recorded(stage.scratch / "asked.jsonl")
    given = json.dumps(sorted(statements))
    judged = told_by(["node", _module(stage, "soql_trial.mjs")], {"HOME": str(stage.scratch)}, given=given)
    return Trial(
        client="@jetstreamapp/soql-parser-js 6.3.1",
        expected=("our tests", "every statement is SOQL", "the judge refuses what is none", "ran to its end"),
        steps=(tests, *judged),
    )


def _recorded(file: Path) -> set[str]:
    """Return the statements in a file: one on each line, as JSON."""
    return {json.loads(line) for line in file.read_text().splitlines()} if file.exists() else set()


def _module(stage: Stage, name: str) -> Path:
    """Return a copy of a node module beside the packages it needs: node looks for them from where a module stands."""
    copy = stage.node / name
    copy.write_text((HERE / name).read_text())
    return copy


TRIALS: Mapping[str, Callable[[Stage], Trial]] = {
    "simple-salesforce": simple_salesforce,
    "jsforce": jsforce,
    "tap-salesforce": tap_salesforce,
    "soql": soql,
}

"""What config.toml may say of a HubSpot connection, and the paths that follow from it."""

from __future__ import annotations

import pytest

from refsync.connector import ConnectionSettings, Secret
from refsync.errors import (
    ConfigError,
)
from refsync_hubspot import connect
from refsync_hubspot.options import HubSpotOptions
from refsync_hubspot.paths import Paths


def test_paths_of_every_version() -> None:
    """The path table holds for the numbered and the dated versions."""
    numbered, dated = Paths("v3"), Paths("2026-09")

    assert numbered.objects("tasks", "batch", "read") == "/crm/v3/objects/tasks/batch/read"
    assert dated.objects("tasks", "search") == "/crm/objects/2026-09/tasks/search"
    assert numbered.links("calls", "deals") == "/crm/v4/associations/calls/deals/batch/read"
    assert dated.links("calls", "deals") == "/crm/associations/2026-09/calls/deals/batch/read"
    assert (numbered.owners(), dated.owners()) == ("/crm/v3/owners", "/crm/owners/2026-09")
    assert dated.pipelines("deals") == "/crm/pipelines/2026-09/deals"
    assert dated.properties("tasks", "a/b") == "/crm/properties/2026-09/tasks/a%2Fb"
    assert (numbered.account(), dated.account()) == ("/account-info/v3/details", "/account-info/2026-09/details")


def test_options_report_every_problem_at_once() -> None:
    """Everything that is wrong with the options stands in one report."""
    given = {
        "token": "in the file",
        "api": "v2",
        "url": "https://evil.example",
        "tokn": 1,
        "users": {"a@b.example": {"time_zone": "Berlin"}},
        "proxy": "nowhere",
        "account_status": {"mql": "suspect"},
    }
    with pytest.raises(ConfigError) as raised:
        connect(ConnectionSettings(id="crm", options=given))
    text = str(raised.value)

    assert len(raised.value.problems) == 7
    assert all(
        word in text for word in ("token is a secret", "api:", "url:", '"tokn"', "did you mean", "Berlin", "proxy:", "mql")
    )


@pytest.mark.parametrize(
    "url", ["https://api.hubapi.com", "http://127.0.0.1.evil.example", "http://user@127.0.0.1:1", "file:///x", "http://10.0.0.1"]
)
def test_no_host_but_hubspot_and_this_machine(url: str) -> None:
    """The token leaves for HubSpot or for a sandbox on this machine, nowhere else."""
    with pytest.raises(ConfigError):
        connect(ConnectionSettings(id="crm", options={"token": Secret("x"), "url": url}))


def test_default_host_is_hubspot() -> None:
    """Without an address the calls go to HubSpot, within its limits."""
    options = HubSpotOptions(token=Secret("x"))

    assert (
        options.host,
        options.general_limit,
        options.search_limit,
        options.trailing,
    ) == ("https://api.hubapi.com", 50, 2, 60)

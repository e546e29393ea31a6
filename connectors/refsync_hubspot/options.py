"""What config.toml may say about a HubSpot connection. Nobody is called here."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from refsync.connector import ConnectionSettings, Options, Secret, options
from refsync.errors import ConfigError, Problem
from refsync.model import AccountStatus, ActivityStatus, IntroductionStatus

HUBSPOT = "https://api.hubapi.com"
ActivityType = Literal["calls", "emails", "meetings", "notes", "communications", "tasks"]
ACTIVITY_TYPES: tuple[ActivityType, ...] = ("calls", "emails", "meetings", "notes", "communications", "tasks")


class Properties(Options):
    """The portal's own names of properties that HubSpot does not define."""

    tier: str = "tier"
    """Of a company."""
    do_not_contact: str = "do_not_contact"
    """Of a company or contact."""
    referred_by_contact_id: str = "referred_by_contact_id"
    """Of a deal: the HubSpot id of the contact who referred it."""
    introduced_by_contact_id: str = "referred_by_contact_id"
    """Of a contact: the HubSpot id of the contact who introduced them, or a name."""
    escalated: str = "escalated"
    """Of a ticket."""
    communication_direction: str = "hs_communication_direction"
    """Of a logged SMS, WhatsApp or LinkedIn message. HubSpot documents no such property."""


class Person(Options):
    """What HubSpot does not keep of an owner, or what is to count instead."""

    manager: str = ""
    """The e-mail address, or owner id, of the manager."""
    time_zone: str = ""
    """An IANA name such as `Europe/Berlin`; empty: the one in the person's user object, if the token may see it."""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return str(ZoneInfo(name)) if name else ""
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f'there is no time zone "{name}"; an IANA name such as "Europe/Berlin" is needed') from None


class HubSpotOptions(Options):
    """The options of a HubSpot connection."""

    token: Secret | None = None
    """A service key or a private app's access token; or else an OAuth app, by the next three."""
    client_id: str = ""
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    api: Literal["2026-03", "2026-09", "v3"] = "2026-03"
    """The API version; each dated one is supported for 18 months."""
    url: str = ""
    """The address of a sandbox on this machine instead of HubSpot."""
    ca_file: Path | None = None
    """Further certificate authorities, for a proxy that looks into TLS."""
    proxy: str = ""
    key_property: str = Field(default="refsync_key", pattern=r"^[a-z][a-z0-9_]{0,99}$")
    """The task property that holds refsync's key."""
    weakest_key: Literal["unique", "property", "body"] = "unique"
    """The weakest way to keep a key that is allowed: a unique property, a property that is not unique, or the last line of the
    task. In the last two HubSpot does not keep tasks from being doubled; refsync does, by looking twice, minutes apart."""
    properties: Properties = Properties()
    activity_types: tuple[ActivityType, ...] = ACTIVITY_TYPES
    """The activities to read; leave out what the token may not see."""
    users: Mapping[str, Person] = Field(default_factory=dict)
    """Managers and time zones by the owner's e-mail address or, for removed owners, who have none, by owner id."""
    account_status: Mapping[str, AccountStatus] = Field(default_factory=dict)
    """Lifecycle stages (internal names) that mean something else than usual."""
    call_outcomes: Mapping[str, ActivityStatus] = Field(default_factory=dict)
    """Call dispositions by GUID, for those that the portal added."""
    meeting_outcomes: Mapping[str, ActivityStatus] = Field(default_factory=dict)
    """Meeting outcomes that the portal added."""
    email_statuses: Mapping[str, ActivityStatus] = Field(default_factory=dict)
    """Values of `hs_email_status` that mean something else than usual."""
    introduction_label: str = "Referred by"
    """The label of a contact's association with the contact who introduced them."""
    introduction_status: Mapping[str, IntroductionStatus] = Field(default_factory=dict)
    """Lead statuses (internal names) that mean something else than usual."""
    automated_sources: frozenset[str] = frozenset({"AUTOMATION_PLATFORM"})
    """Values of `hs_object_source` that no person stands behind."""
    requests_per_10_seconds: int | None = Field(default=None, ge=0)
    """0: no limit. By default half of what HubSpot says the account may, 50 at first; no limit for a sandbox."""
    requests_per_day: int = Field(default=0, ge=0)
    """A share of the account's day for this connection alone; 0: as many as HubSpot allows."""
    searches_per_second: int | None = Field(default=None, ge=0)
    """0: no limit. By default 2 of the account's 5; no limit for a sandbox."""
    overlap_minutes: int = Field(default=60, ge=1)
    """How far a read goes back behind the one before, for rows that the search index got late."""
    walk_hours: int = Field(default=24, ge=1)
    """How often everything is listed again, for what moves no date: associations, calculated values, hard deletes."""
    trailing_seconds: int | None = Field(default=None, ge=0)
    """How long before the present a read ends. By default 60; 0 for a sandbox."""

    @field_validator("url")
    @classmethod
    def _loopback(cls, url: str) -> str:
        if url and not _is_loopback(url):
            raise ValueError("only a sandbox on this machine (http://127.0.0.1:PORT) can stand in for HubSpot")
        return url.rstrip("/")

    @field_validator("ca_file")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @field_validator("proxy")
    @classmethod
    def _address(cls, proxy: str) -> str:
        parts = urlsplit(proxy)
        if proxy and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address such as http://proxy.example:3128 is needed")
        return proxy

    @field_validator("users")
    @classmethod
    def _lower(cls, users: Mapping[str, Person]) -> Mapping[str, Person]:
        return {email.lower(): person for email, person in users.items()}

    @property
    def host(self) -> str:
        """Where every call goes, and nowhere else."""
        return self.url or HUBSPOT

    @property
    def general_limit(self) -> int:
        """Calls in 10 seconds; 0: no limit."""
        return self._chosen(self.requests_per_10_seconds, 50)

    @property
    def search_limit(self) -> int:
        """Searches in a second; 0: no limit."""
        return self._chosen(self.searches_per_second, 2)

    @property
    def trailing(self) -> int:
        """Seconds."""
        return self._chosen(self.trailing_seconds, 60)

    def _chosen(self, chosen: int | None, usual: int) -> int:
        if chosen is not None:
            return chosen
        return 0 if self.url else usual


OAUTH = ("client_id", "client_secret", "refresh_token")


def hubspot_options(settings: ConnectionSettings) -> HubSpotOptions:
    """Return the connection's options. Raises ConfigError with every problem and its place."""
    given = dict(settings.options)
    if isinstance(given.get("ca_file"), str):
        given["ca_file"] = settings.base / given["ca_file"]
    unclear = list(_sign_in_problems(settings))
    try:
        chosen = options(HubSpotOptions, replace(settings, options=given))
    except ConfigError as error:
        raise ConfigError([*error.problems, *unclear]) from None
    if unclear:
        raise ConfigError(unclear)
    return chosen


def _sign_in_problems(settings: ConnectionSettings) -> Iterator[Problem]:
    """Yield what is wrong with the choice of a way to sign in."""
    given = {name for name, value in settings.options.items() if value not in ("", None)}
    oauth, token = given & set(OAUTH), "token" in given
    me, place = f'connection "{settings.id}"', settings.place(())
    hint = "token (a service key or a private app's token), or client_id + client_secret + refresh_token (an OAuth app)"
    if token and oauth:
        yield Problem(
            message=f"{me} has a token and {', '.join(sorted(oauth))}: one way to sign in is needed", hint=hint, place=place
        )
    elif not token and not oauth:
        yield Problem(message=f"{me} has no way to sign in", hint=hint, place=place)
    elif not token:
        for name in OAUTH:
            if name not in oauth:
                yield Problem(message=f'{me} needs the option "{name}" beside {", ".join(sorted(oauth))}', place=place)


def _is_loopback(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False

"""What config.toml may say of a Salesforce connection.

Law: every problem is reported at once, and nobody is called to find it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, field_validator

from refsync.connector import ConnectionSettings, Options, Secret, options
from refsync.errors import ConfigError, Problem, shown
from refsync_salesforce.words import Fields, Words

HOSTS = (".salesforce.com", ".force.com")
"""The only hosts that are ever given a token."""


def is_loopback(host: str | None) -> bool:
    """Whether this host is the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class SalesforceOptions(Options):
    """The options of one connection."""

    domain: str = ""
    """What stands before `.salesforce.com` in the My Domain address: `acme.my`, `acme--uat.sandbox.my`."""
    client_id: str = ""
    client_secret: Secret | None = None
    username: str = ""
    private_key: Secret | None = None
    """The RSA key, as PEM text, whose certificate the External Client App holds."""
    access_token: Secret | None = None
    instance: str = ""
    """The host that a ready access token belongs to."""
    api_version: Annotated[str, Field(pattern=r"^[0-9]{2,3}\.0$")] = "62.0"
    url: str | None = None
    """A sandbox on this machine that is called in place of Salesforce."""
    ca_file: Path | None = None
    proxy: str | None = None
    allow_marker: bool = False
    """Whether tasks are written without the key field, too: the key then stands in CallObject, which is not kept unique."""
    fields: Fields = Fields()
    words: Words = Words()
    daily_share: Annotated[float, Field(gt=0, le=0.9)] = 0.8
    """The share of the org's daily API calls, its other programs' included, at which reading stops. Writing stops at 95 %."""
    calls_per_run: Annotated[int, Field(ge=0)] = 0
    """How many calls one run may use for reading; 0: as many as the day allows."""
    bulk_from: Annotated[int, Field(ge=0)] = 100_000
    """From how many rows on an object is first loaded by a query job of the Bulk API; 0: never."""
    page_size: Annotated[int, Field(ge=1, le=2000)] = 2000
    overlap_seconds: Annotated[int, Field(ge=0, le=86_400)] = 600
    """How far a read goes back behind the last one, for rows that became visible late."""
    settle_seconds: Annotated[int, Field(ge=0, le=3600)] = 60
    """How young a change may be and still wait for the next read."""

    @field_validator("domain")
    @classmethod
    def _is_prefix(cls, domain: str) -> str:
        is_prefix = re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", domain.lower()) and not domain.endswith("salesforce.com")
        if domain and not is_prefix:
            raise ValueError('write only what stands before .salesforce.com, such as "acme.my"')
        return domain.lower()

    @field_validator("instance")
    @classmethod
    def _is_host(cls, instance: str) -> str:
        if instance and not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", instance):
            raise ValueError('write the host alone, such as "acme.my.salesforce.com"')
        return instance.lower()

    @field_validator("url")
    @classmethod
    def _is_on_this_machine(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.username is not None or parts.path.strip("/") or parts.query:
            raise ValueError("an address such as http://127.0.0.1:8080 is needed")
        if not is_loopback(parts.hostname):
            raise ValueError("only a sandbox on this machine can be called by its address; for an org set domain")
        return url.rstrip("/")

    @field_validator("private_key")
    @classmethod
    def _is_rsa(cls, key: Secret | None) -> Secret | None:
        if key is not None:
            try:
                loaded = load_pem_private_key(key.reveal().encode(), password=None)
            except (ValueError, TypeError):
                raise ValueError("this is no private key in PEM form without a passphrase") from None
            if not isinstance(loaded, RSAPrivateKey) or loaded.key_size < 2048:
                raise ValueError("an RSA key of at least 2048 bits is needed")
        return key

    @field_validator("proxy")
    @classmethod
    def _is_address(cls, proxy: str | None) -> str | None:
        if proxy is not None and urlsplit(proxy).scheme not in ("http", "https"):
            raise ValueError("an address such as http://proxy.example.com:3128 is needed")
        return proxy


FLOWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "client_secret": ("domain", "client_id"),
        "private_key": ("client_id", "username"),
        "access_token": ("instance",),
    }
)
"""The option that chooses a way to sign in, and what else that way needs."""


def salesforce_options(settings: ConnectionSettings) -> SalesforceOptions:
    """Return the connection's options. Raises ConfigError with every problem and its place."""
    unclear = list(_sign_in_problems(settings))
    try:
        chosen = options(SalesforceOptions, settings)
    except ConfigError as error:
        raise ConfigError([*error.problems, *unclear]) from None
    if chosen.ca_file is not None:
        ca_file = settings.base / chosen.ca_file.expanduser()
        chosen = chosen.model_copy(update={"ca_file": ca_file})
        if not ca_file.is_file():
            unclear.append(Problem(message=f"ca_file: there is no file {shown(ca_file)}", place=settings.place(("ca_file",))))
    if chosen.instance and not chosen.url and not chosen.instance.endswith(HOSTS):
        unclear.append(Problem(message="instance: not a host of Salesforce", place=settings.place(("instance",))))
    if unclear:
        raise ConfigError(unclear)
    return chosen


def _sign_in_problems(settings: ConnectionSettings) -> Iterator[Problem]:
    """Yield what is wrong with the choice of a way to sign in, whether or not the single options are right."""
    given = {name for name, value in settings.options.items() if value not in ("", None)}
    flows = [flow for flow in FLOWS if flow in given]
    me = f'connection "{settings.id}"'
    if len(flows) != 1:
        yield Problem(
            message=f"{me} has {' and '.join(flows) or 'no way to sign in'}: exactly one way is needed",
            hint="client_id + client_secret + domain (client credentials), or client_id + username + private_key (JWT bearer)",
            place=settings.place((flows[-1],) if flows else ()),
        )
        return
    for name in FLOWS[flows[0]]:
        if name not in given:
            message = f'{me} needs the option "{name}" beside {flows[0]}'
            yield Problem(message=message, place=settings.place((flows[0],)))
    if flows == ["client_secret"] and settings.options.get("domain") in ("login", "test"):
        yield Problem(
            message='domain: client credentials need your My Domain, not "login" or "test"',
            hint='such as domain = "acme.my"',
            place=settings.place(("domain",)),
        )

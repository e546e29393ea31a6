"""The options of a Salesforce connection: every problem at once, before anybody is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from refsync.connector import ConnectionSettings, Secret
from refsync.errors import ConfigError
from refsync_salesforce.options import salesforce_options

Settings = Callable[..., ConnectionSettings]


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Secret:
    return Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def problems(settings: ConnectionSettings) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        salesforce_options(settings)
    return [problem.message for problem in caught.value.problems]


def test_client_credentials_are_enough(settings: Settings) -> None:
    """A My Domain, a client id and a secret make a connection with the documented defaults."""
    chosen = salesforce_options(settings())

    assert ("62.0", 2000, 600, 60) == (chosen.api_version, chosen.page_size, chosen.overlap_seconds, chosen.settle_seconds)


def test_every_problem_is_reported_at_once(settings: Settings) -> None:
    """A wrong value, an unknown option, a secret in plain text and a lacking option come in one error."""
    found = problems(settings(domain=None, client_secret="plain", api_version="v62", adress="x"))

    assert 4 == len(found)
    assert "client_secret is a secret and must not stand in this file" in found
    assert 'connection "acme" has no option "adress"' in found
    assert 'connection "acme" needs the option "domain" beside client_secret' in found


def test_exactly_one_way_to_sign_in(settings: Settings) -> None:
    """No way and two ways to sign in are both refused, and the two flows are named."""
    none = problems(settings(client_secret=None))
    two = problems(settings(access_token=Secret("t"), instance="acme.my.salesforce.com"))

    assert ['connection "acme" has no way to sign in: exactly one way is needed'] == none
    assert ['connection "acme" has client_secret and access_token: exactly one way is needed'] == two


def test_client_credentials_need_the_my_domain(settings: Settings) -> None:
    """The shared login addresses know no client credentials."""
    assert ['domain: client credentials need your My Domain, not "login" or "test"'] == problems(settings(domain="login"))


@pytest.mark.parametrize("domain", ["acme.my.salesforce.com", "https://acme.my", "acme/my"])
def test_domain_is_the_part_before_salesforce_com(settings: Settings, domain: str) -> None:
    """A whole address is refused with the form that is wanted."""
    (found,) = problems(settings(domain=domain))

    assert 'such as "acme.my"' in found


@pytest.mark.parametrize(
    "url", ["http://10.0.0.8:80", "https://acme.my.salesforce.com", "http://127.0.0.1.example.com", "file:///etc"]
)
def test_url_is_a_sandbox_on_this_machine(settings: Settings, url: str) -> None:
    """Any address but one of this machine is refused: it would be given a token."""
    assert 1 == len(problems(settings(url=url)))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "https://[::1]:8443/"])
def test_loopback_urls_are_accepted(settings: Settings, url: str) -> None:
    """Every way to write this machine is accepted."""
    assert url.rstrip("/") == salesforce_options(settings(url=url)).url


def test_private_key_must_be_rsa(settings: Settings) -> None:
    """A text that is no key and a key of another kind are found before the first call."""
    other = pem(ec.generate_private_key(ec.SECP256R1()))

    assert ["private_key: this is no private key in PEM form without a passphrase"] == problems(
        settings(client_secret=None, username="u@acme.example", private_key=Secret("nonsense"))
    )
    assert ["private_key: an RSA key of at least 2048 bits is needed"] == problems(
        settings(client_secret=None, username="u@acme.example", private_key=other)
    )


def test_jwt_needs_no_domain(settings: Settings) -> None:
    """The JWT flow works with the shared login address, which is the default."""
    key = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    chosen = salesforce_options(settings(client_secret=None, domain=None, username="u@acme.example", private_key=key))

    assert "" == chosen.domain


def test_instance_is_a_host_of_salesforce(settings: Settings) -> None:
    """A ready token is not sent to a foreign host."""
    foreign = settings(client_secret=None, access_token=Secret("t"), instance="salesforce.com.example.org")

    assert ["instance: not a host of Salesforce"] == problems(foreign)


def test_ca_file_is_looked_for_beside_the_configuration(tmp_path: Path, settings: Settings) -> None:
    """A relative path starts at the folder of config.toml; a file that is not there is a problem."""
    (tmp_path / "ca.pem").write_text("x")
    given = settings(ca_file="ca.pem")
    beside = ConnectionSettings(id="acme", options=given.options, base=tmp_path)

    assert tmp_path / "ca.pem" == salesforce_options(beside).ca_file
    assert problems(settings(ca_file="nowhere.pem"))[0].startswith("ca_file: there is no file")


def test_words_of_an_org_replace_the_standard_ones(settings: Settings) -> None:
    """Words are compared in lower case; the longest beginning stands first."""
    chosen = salesforce_options(settings(words={"account_status": {"Kunde": "customer", "Kunde (ehemalig)": "former"}}))

    assert ["kunde (ehemalig)", "kunde"] == list(chosen.words.account_status)

"""What may sign in to the stand-in org. The values are no secrets: they are written in the documentation, for tests and demos."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "sandbox-consumer-key"
CLIENT_SECRET = "sandbox-consumer-secret"  # noqa: S105 - a documented test value
USERNAME = "integration.user@sandbox.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The one app and user that may sign in."""

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    username: str = USERNAME
    password: str = "sandbox-password"  # noqa: S105 - a documented test value
    security_token: str = "sandbox-security-token"  # noqa: S105 - a documented test value
    refresh_token: str = "sandbox-refresh-token"  # noqa: S105 - a documented test value
    access_token: str = ""
    """A token that is accepted for ever, for clients that are given one; empty for none."""
    public_key: str = ""
    """PEM; the key that JWT sign-ins are checked against. Empty: no JWT sign-in."""

    def trusting(self, public_key: str) -> Secrets:
        """Return these secrets with a public key (PEM) for JWT sign-ins."""
        return replace(self, public_key=public_key)


def key_pair() -> tuple[str, str]:
    """Return a new private and public key, both PEM."""
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    encoded = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded.decode(), public.decode()

"""simple-salesforce as a transport for JSON.

Law: it is given a session id, so that it never signs in by itself (simple-salesforce#804), and its own reading of JSON, which is
slow and accepts what is none, is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson
import requests
from simple_salesforce.api import Salesforce


class Library(Salesforce):
    """simple-salesforce with a quicker reading of JSON."""

    def __init__(self, *, token: str, instance: str, version: str, session: requests.Session) -> None:
        super().__init__(session_id=token, instance=instance, version=version, session=session)
        self.headers["X-PrettyPrint"] = "0"

    def parse_result_to_json(self, result: requests.Response) -> Any:
        return decoded(result.content)

    def at(self, path: str) -> Any:
        """Return the JSON at a path of the instance."""
        return self.parse_result_to_json(self._call_salesforce("GET", f"https://{self.sf_instance}{path}", name=path))

    def download(self, path: str, params: Mapping[str, str]) -> requests.Response:
        """Return a reply whose body is on disk, to be read from `raw`."""
        return self._call_salesforce("GET", f"{self.base_url}{path}", name=path, params=params, stream=True)


def decoded(body: bytes) -> Any:
    """Return JSON as values. Raises ValueError. What no store keeps, half a surrogate pair and U+0000, is replaced by `?`."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _storable(json.loads(body, parse_constant=_refused))
    return _storable(found) if b"\\u0000" in body else found


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(part) for part in value]
    return {name: _storable(part) for name, part in value.items()} if isinstance(value, dict) else value


def storable(text: str) -> str:
    """Return a text as a store can keep it."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")

"""An org whose replies are laid out in advance, for what no well-behaved server sends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import responses

from refsync.connector import ConnectionSettings
from refsync.errors import ConnectorError
from refsync_salesforce.client import Client

HOST = "https://acme.my.salesforce.com"
DATA = f"{HOST}/services/data/v62.0"
DATE = "Fri, 01 Mar 2024 10:00:00 GMT"
Settings = Callable[..., ConnectionSettings]
EMPTY = b'{"records": [], "done": true, "totalSize": 0}'
ROW = {"Id": "001000000000001AAA"}


class Org:
    """An org whose replies are laid out in advance, for what no well-behaved server sends."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.logins = mock.post(
            f"{HOST}/services/oauth2/token",
            json={"access_token": "token", "instance_url": HOST, "id": f"{HOST}/id/00D000000000001AAA/005000000000001AAA"},
            headers={"Date": DATE},
        )

    def says(self, method: str, path: str, reply: Any = None, status: int = 200, **more: Any) -> responses.BaseResponse:
        """Answer calls to a path, whatever they ask; several replies are given one after the other."""
        headers = {"Date": DATE, **more.pop("headers", {})}
        body = {"json": reply} if not isinstance(reply, str | Exception) else {"body": reply}
        address = re.compile(re.escape(f"{DATA}/{path}") + r"(\?.*)?$")
        return self.mock.add(method, address, status=status, headers=headers, **body, **more)

    @staticmethod
    def answer(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Return the whole answer to a query."""
        return {"totalSize": len(rows), "done": True, "records": list(rows), **more}


def read(client: Client) -> Any:
    return client.rows("SELECT Id FROM Account")


def write(client: Client) -> Any:
    return client.send("POST", "composite/sobjects", [{"Subject": "x"}])


def error_of(act: Callable[[Client], Any], client: Client) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        act(client)
    return caught.value

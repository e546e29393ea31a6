"""Calls to one org: signed in when needed, answered in one shape or failed in one way.

Law: only `ConnectorError`s leave this module, nothing is repeated but the one call that met an ended session, and a reply
that has not exactly the promised shape is an error, never "the end". The library is called as a transport for JSON: `query`,
`query_more` and `restful`; it is given a session id, so that it never signs in by itself (simple-salesforce#804).
"""

from __future__ import annotations

import json
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, TypeAlias, TypeVar

import orjson
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceResourceNotFound
from simple_salesforce.login import SalesforceLogin

from refsync.errors import AuthError, UnexpectedReply
from refsync.model import Instant
from refsync_salesforce.failures import failure, is_expiry, sign_in_failure, unexpected
from refsync_salesforce.options import SalesforceOptions
from refsync_salesforce.transport import Limits, Seen, session

Row: TypeAlias = dict[str, Any]
Answer = TypeVar("Answer")
Item = TypeVar("Item")

IDS_A_CALL = 450
"""So many ids fit into the address of a query, which may have 16,384 characters (airbyte#20703)."""
FURTHER = re.compile(r"/services/data/(?!.*\.\.)[\w./-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer to a query: some rows, and where the rest of them is."""

    rows: list[Row]
    total: int
    """How many rows the whole answer has, as the CRM says."""
    rest: str | None
    """The path of the next part; None when this was the last."""


def decoded(body: bytes) -> Any:
    """Return JSON as values. Raises ValueError. What no store keeps, half a surrogate pair and U+0000, is replaced by `?`."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _storable(json.loads(body, parse_constant=_refused))
    return _storable(found) if b"\\u0000" in body else found


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "?").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_storable(part) for part in value]
    return {name: _storable(part) for name, part in value.items()} if isinstance(value, dict) else value


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


class _Library(Salesforce):
    """simple-salesforce with a quicker reading of JSON."""

    def __init__(self, *, token: str, instance: str, version: str, session: requests.Session) -> None:
        super().__init__(session_id=token, instance=instance, version=version, session=session)
        self.headers["X-PrettyPrint"] = "0"

    def parse_result_to_json(self, result: requests.Response) -> Any:
        return decoded(result.content)

    def at(self, path: str) -> Any:
        """Return the JSON at a path of the instance."""
        return self.parse_result_to_json(self._call_salesforce("GET", f"https://{self.sf_instance}{path}", name=path))


class Client:
    """Signed-in calls to one org."""

    def __init__(self, options: SalesforceOptions, limits: Limits | None = None) -> None:
        self._options = options
        self._limits = limits or Limits()
        self._seen = Seen()
        self._session = session(
            self._seen,
            url=options.url,
            limits=self._limits,
            ca_file=str(options.ca_file) if options.ca_file else None,
            proxy=options.proxy,
        )
        self._lock = threading.Lock()
        self._library: _Library | None = None
        self._generation = 0
        """How often we have signed in."""

    @property
    def usage(self) -> tuple[int, int] | None:
        """Calls of the org used and allowed in the running 24 hours, as its last reply said."""
        return self._seen.usage

    def now(self) -> Instant:
        """Return the CRM's present time. Raises UnexpectedReply while no reply has told it."""
        now = self._seen.now()
        if now is None:
            raise UnexpectedReply("Salesforce's replies carry no Date, without which no window can be read")
        return now

    def versions(self) -> frozenset[str]:
        """Return the API versions that the instance serves."""
        found = self._call(lambda library: library.at("/services/data"))
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise UnexpectedReply("Salesforce: the list of API versions has an unknown shape")
        return frozenset(version for entry in found if re.fullmatch(r"\d+\.\d+", version := str(entry.get("version"))))

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return the description of an object; None when the org does not show it to us."""

        def asked(library: _Library) -> Any:
            try:
                return library.restful(f"sobjects/{name}/describe")
            except SalesforceResourceNotFound:
                return {}

        found = self._call(asked)
        if found == {}:
            return None
        if not isinstance(found, dict) or not isinstance(found.get("fields"), list):
            raise UnexpectedReply(f"Salesforce: the description of {name} has an unknown shape")
        return found

    def query(self, soql: str) -> Page:
        """Return the first part of an answer, with deleted and archived rows."""
        return page_of(self._call(lambda library: library.query(soql, include_deleted=True)))

    def rest(self, path: str) -> Page:
        """Return a further part of an answer. Raises LocatorGone when the CRM has forgotten it."""
        return page_of(self._call(lambda library: library.query_more(path, identifier_is_url=True)))

    def rows(self, soql: str) -> list[Row]:
        """Return all rows of a short answer."""
        return self.whole(self.query(soql))

    def whole(self, page: Page) -> list[Row]:
        """Return all rows of an answer that has begun."""
        rows = page.rows
        while page.rest is not None:
            page = self.rest(page.rest)
            rows = rows + page.rows
        return rows

    def get(self, path: str) -> Mapping[str, Any]:
        """Return the object that a GET answers with."""
        found = self._call(lambda library: library.restful(path))
        if not isinstance(found, dict):
            raise UnexpectedReply(f"Salesforce: the reply to {path} has an unknown shape")
        return found

    def send(self, method: str, path: str, records: Sequence[Row]) -> list[Row]:
        """Write records by a collections call and return one result each, in order.

        Raises RequestUncertain when it is not known what was written; after any other error nothing was.
        """
        body = {"allOrNone": False, "records": list(records)}
        found = self._call(lambda library: library.restful(path, method=method, json=body), writing=True)
        if not isinstance(found, list) or len(found) != len(records) or not all(isinstance(row, dict) for row in found):
            raise unexpected("the reply does not tell of each row", writing=True)
        return found

    def remove(self, ids: Sequence[str]) -> list[Row]:
        """Delete up to 200 records and return one result each, in order. Raises RequestUncertain when the reply was lost."""
        asked = {"ids": ",".join(ids), "allOrNone": "false"}
        found = self._call(lambda library: library.restful("composite/sobjects", asked, method="DELETE"), writing=True)
        if not isinstance(found, list) or len(found) != len(ids) or not all(isinstance(row, dict) for row in found):
            raise unexpected("the reply does not tell of each row", writing=True)
        return found

    @cached_property
    def user_id(self) -> str:
        """The id of the user that we are in the org, as "Resources by Version" of the REST API tells it."""
        found = re.search(r"/id/00D\w+/(005\w{12}(?:\w{3})?)$", str(self.get("").get("identity")))
        if found is None:
            raise UnexpectedReply("Salesforce does not say which user we are")
        return found[1]

    def close(self) -> None:
        self._session.close()

    def _call(self, asked: Callable[[_Library], Answer], *, writing: bool = False) -> Answer:
        ended = 0
        while True:
            library, generation = self._signed_in(ended)
            try:
                return asked(library)
            except SalesforceError as error:
                if not is_expiry(error):
                    raise failure(error, writing=writing) from None
            except (requests.RequestException, ValueError, TypeError, RecursionError) as error:
                raise failure(error, writing=writing) from None
            if ended:
                raise AuthError("Salesforce ends the session right after signing us in")
            ended = generation

    def _signed_in(self, ended: int) -> tuple[_Library, int]:
        """Return a library that is signed in later than generation `ended`, and its generation."""
        with self._lock:
            if self._library is None or self._generation <= ended:
                self._library = None
                self._library = self._sign_in()
                self._generation += 1
            return self._library, self._generation

    def _sign_in(self) -> _Library:
        chosen = self._options
        if chosen.access_token is not None:
            if self._generation:
                raise AuthError("the access token has expired, and a token alone cannot be renewed")
            token, instance = chosen.access_token.reveal(), chosen.instance
        else:
            token, instance = self._login()
        return _Library(token=token, instance=instance, version=chosen.api_version, session=self._session)

    def _login(self) -> tuple[str, str]:
        chosen = self._options
        try:
            with warnings.catch_warnings(action="ignore"):  # the library prints the app's key; our error says the same
                token, instance = SalesforceLogin(
                    session=self._session,
                    domain=chosen.domain or "login",
                    consumer_key=chosen.client_id,
                    consumer_secret=chosen.client_secret.reveal() if chosen.client_secret else None,
                    username=chosen.username or None,
                    privatekey=chosen.private_key.reveal() if chosen.private_key else None,
                )
        except (SalesforceError, requests.RequestException, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise sign_in_failure(error, self._seen.status) from None
        if not isinstance(token, str) or not token or not re.fullmatch(r"[\w.-]+(:\d+)?", instance):
            raise UnexpectedReply("the reply to the sign-in has no usable token and instance")
        return token, instance


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def page_of(found: object) -> Page:
    """Return a checked answer. Raises UnexpectedReply: a broken page is never the end."""
    if not isinstance(found, dict):
        raise UnexpectedReply("Salesforce: the answer to a query is no object")
    rows, done, total, rest = (found.get(name) for name in ("records", "done", "totalSize", "nextRecordsUrl"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnexpectedReply("Salesforce: the answer to a query holds no list of records")
    if not isinstance(done, bool) or not isinstance(total, int):
        raise UnexpectedReply("Salesforce: the answer to a query does not say whether it is done")
    if done:
        return Page(rows=rows, total=total, rest=None)
    if not rows or not isinstance(rest, str) or not FURTHER.fullmatch(rest):
        raise UnexpectedReply("Salesforce: the answer to a query is not done and does not say where it goes on")
    return Page(rows=rows, total=total, rest=rest)

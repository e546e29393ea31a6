"""Calls to one org: signed in when needed, answered in one shape or failed in one way.

Law: only `ConnectorError`s leave this module, nothing is repeated but the one call that met an ended session, and a reply
that has not exactly the promised shape is an error, never "the end". Every call is paid for out of a budget.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote_plus

import requests
from simple_salesforce.exceptions import SalesforceError, SalesforceGeneralError, SalesforceResourceNotFound
from simple_salesforce.format import format_soql

from refsync.errors import ConnectorError, UnexpectedReply
from refsync.model import Instant
from refsync_salesforce.budget import Budget, BudgetSpent
from refsync_salesforce.failures import failure, is_expiry, unexpected
from refsync_salesforce.library import Library, decoded
from refsync_salesforce.options import SalesforceOptions
from refsync_salesforce.signin import Breaker, SignIn
from refsync_salesforce.transport import Limits, Seen, session

__all__ = ["Client", "Download", "Page", "Row", "chunks", "decoded", "page_of"]

Row: TypeAlias = dict[str, Any]
Answer = TypeVar("Answer")
Item = TypeVar("Item")

IDS_A_CALL = 450
"""So many ids fit into the address of a query."""
LONGEST_ADDRESS = 14_000
"""Characters of a statement in an address: address and head together may have 16,384 (help article 000386264)."""
QUERIES_A_CALL = 5
"""So many queries may be in one composite call, which the org counts as one ("Composite", REST API guide)."""
FURTHER = re.compile(r"/services/data/(?!.*\.\.)[\w./-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer to a query: some rows, and where the rest of them is."""

    rows: list[Row]
    total: int
    """How many rows the whole answer has, as the CRM says."""
    rest: str | None
    """The path of the next part; None when this was the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A reply whose body is on disk. Whoever has it closes the body, which removes it."""

    body: Any
    """A binary file at its beginning."""
    headers: Mapping[str, str]


class Client:
    """Signed-in calls to one org."""

    def __init__(self, options: SalesforceOptions, limits: Limits | None = None, breaker: Breaker | None = None) -> None:
        self._version = options.api_version
        self._seen = Seen()
        self._session = session(
            self._seen,
            url=options.url,
            limits=limits or Limits(),
            ca_file=str(options.ca_file) if options.ca_file else None,
            proxy=options.proxy,
        )
        self._sign_in = SignIn(options, self._session, self._seen, breaker or Breaker())
        self.budget = Budget(seen=self._seen)

    def reading(self, share: float, a_run: int) -> Client:
        """Return the same client for reads: they get a smaller share of the org's calls, so that writes find some left."""
        reader = copy.copy(self)
        reader.budget = Budget(seen=self._seen, share=share, name="reading (daily_share)", a_run=a_run)
        return reader

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

    def heard(self) -> Instant | None:
        """Return the CRM's present time; None while no reply has told it."""
        return self._seen.now()

    def time(self) -> Instant | None:
        """Return the CRM's present time as far as signing in, which is no call that counts, tells it. Raises ConnectorError."""
        if self._seen.now() is None:
            self.budget.check()
            self._sign_in.library()
        return self._seen.now()

    def versions(self) -> frozenset[str]:
        """Return the API versions that the instance serves."""
        found = self._call(lambda library: library.at("/services/data"))
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise UnexpectedReply("Salesforce: the list of API versions has an unknown shape")
        return frozenset(version for entry in found if re.fullmatch(r"\d+\.\d+", version := str(entry.get("version"))))

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return the description of an object; None when the org does not show it to us."""

        def asked(library: Library) -> Any:
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

    # -- queries -----------------------------------------------------------------------------------------------------------

    def query(self, soql: str) -> Page:
        """Return the first part of an answer, with deleted and archived rows."""
        if len(quote_plus(soql)) > LONGEST_ADDRESS:
            (page,) = self.queries([soql])
            return _there(page)
        return page_of(self._call(lambda library: library.query(soql, include_deleted=True)))

    def queries(self, statements: Sequence[str]) -> list[Page | ConnectorError]:
        """Return the first part of each answer, or why there is none, for at most 5 statements of any length, in one call."""
        return [_page(part) for part in self.several([f"queryAll/?q={quote_plus(soql)}" for soql in statements])]

    def several(self, paths: Sequence[str]) -> list[Any | ConnectorError]:
        """Return what each of some GETs answers, or why it does not, in one call; at most 5 of them may be queries."""
        base = f"/services/data/v{self._version}/"
        asked = [{"method": "GET", "url": base + path, "referenceId": f"r{number}"} for number, path in enumerate(paths)]
        found = self.post("composite", {"allOrNone": False, "compositeRequest": asked}).get("compositeResponse")
        if not isinstance(found, list) or [one["referenceId"] for one in asked] != [_name(answer) for answer in found]:
            raise UnexpectedReply("Salesforce: the reply to several calls in one does not tell of each of them")
        return [_part(answer) for answer in found]

    def rest(self, path: str) -> Page:
        """Return a further part of an answer. Raises LocatorGone when the CRM has forgotten it."""
        page = page_of(self._call(lambda library: library.query_more(path, identifier_is_url=True)))
        if page.rest == path:
            raise UnexpectedReply("Salesforce: a part of an answer goes on with itself")
        return page

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

    def among(self, statement: str, ids: Sequence[str]) -> Iterator[list[Row]]:
        """Yield the rows of a statement with a place `{}` for ids, for any number of them, in few calls."""
        statements = [format_soql(statement, list(some)) for some in chunks(ids, IDS_A_CALL)]
        for some in chunks(statements, QUERIES_A_CALL):
            for page in self.queries(some) if len(some) > 1 else map(self.query, some):
                yield self.whole(_there(page))

    # -- other calls -------------------------------------------------------------------------------------------------------

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Return the object that a GET answers with."""
        return _object(self._call(lambda library: library.restful(path, params=dict(params or {}))), path)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the object that a POST answers with that changes nothing people see: a question, or a job of ours."""
        return _object(self._call(lambda library: library.restful(path, method="POST", json=body)), path)

    def delete(self, path: str) -> None:
        """Delete something of ours that nobody sees."""
        self._call(lambda library: library.restful(path, method="DELETE"))

    def download(self, path: str, params: Mapping[str, str]) -> Download:
        """Return a large reply, read whole to disk."""
        reply = self._call(lambda library: library.download(path, params))
        return Download(body=reply.raw, headers=reply.headers)

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

    def _call(self, asked: Callable[[Library], Answer], *, writing: bool = False) -> Answer:
        ended = 0
        while True:
            self.budget.check()
            library, generation = self._sign_in.library(ended)
            try:
                answer = asked(library)
            except SalesforceError as error:
                if not is_expiry(error):
                    raise self._noted(failure(error, writing=writing)) from None
            except (requests.RequestException, ValueError, TypeError, RecursionError) as error:
                raise failure(error, writing=writing) from None
            else:
                self._sign_in.answered()
                return answer
            if ended:
                raise self._sign_in.refused()
            ended = generation

    def _noted(self, error: ConnectorError) -> ConnectorError:
        """Return an error; where the org has no calls left, nothing is asked for a while."""
        if isinstance(error, BudgetSpent):
            self._seen.refuse(str(error))
        return error


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


def _object(found: object, path: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise UnexpectedReply(f"Salesforce: the reply to {path} has an unknown shape")
    return found


def _name(answer: object) -> object:
    return answer.get("referenceId") if isinstance(answer, dict) else None


def _part(answer: Mapping[str, Any]) -> Any | ConnectorError:
    """Return the body in one part of a composite reply, or the error that it tells."""
    status, body = answer.get("httpStatusCode"), answer.get("body")
    if status == 200:
        return body
    if not isinstance(status, int):
        return UnexpectedReply("Salesforce: a part of a reply has no status")
    return failure(SalesforceGeneralError("", status, "part", body), writing=False)  # type: ignore[arg-type]


def _page(part: Any | ConnectorError) -> Page | ConnectorError:
    try:
        return part if isinstance(part, ConnectorError) else page_of(part)
    except UnexpectedReply as error:
        return error


def _there(page: Page | ConnectorError) -> Page:
    if isinstance(page, ConnectorError):
        raise page
    return page

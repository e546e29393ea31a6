"""What HubSpot's replies mean: the strict envelope of good ones, and the error that each bad one is. Pure.

Law: a reply of another shape is never an end of data and never a success. No text that leaves here holds an address or a link;
HubSpot's correlation id is kept, for its support asks for it.
Statuses and categories: developers.hubspot.com, "Error handling"; every field of an error body is optional there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from refsync.errors import (
    AuthError,
    ConnectorError,
    RateLimited,
    RecordRejected,
    RequestUncertain,
    TransientError,
    UnexpectedReply,
)

Json: TypeAlias = dict[str, Any]

LONGEST_WAIT = 900.0
"""Seconds; a longer Retry-After is cut, so that a slip of a server does not stop a connection for a day."""
_MULTIPLE = 207


class MissingScope(AuthError):
    """The token lacks a scope for this kind of record; other kinds can still be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good reply's body."""

    body: Json
    partly: bool = False
    """Status 207: some of the records asked for are in `errors`."""
    loose: bool = False
    """The JSON held what no database takes, such as half a surrogate pair: look at each record."""

    @property
    def errors(self) -> list[Json]:
        found = self.body.get("errors") if self.partly else None
        return [error for error in found if isinstance(error, dict)] if isinstance(found, list) else []

    def accounts_for(self, ids: set[str]) -> bool:
        """Return whether the errors speak of all these ids; HubSpot names several in one error, or only counts them."""
        named: set[str] = set()
        for error in self.errors:
            for name in ("ids", "id", "fromObjectId"):
                named.update(context(error, name))
        count = self.body.get("numErrors") if self.partly else 0
        return ids <= named or len(ids) <= max(count if isinstance(count, int) else 0, len(self.errors))


def answer(status: int, headers: Mapping[str, str], data: bytes, *, write: bool) -> Answer:
    """Return a 2xx reply's body. Raises UnexpectedReply, or RequestUncertain after a write, unless it is a JSON object."""
    if status not in ((200, 201, _MULTIPLE) if write else (200, _MULTIPLE)):
        raise _strange(f"status {status} was not expected", headers, write=write)
    if "json" not in headers.get("content-type", "").lower():
        raise _strange("the reply is not JSON", headers, write=write)
    loose = b"\\u0000" in data  # which PostgreSQL does not take
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        loose = True
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            raise _strange("the reply cannot be read as JSON", headers, write=write) from None
    if not isinstance(body, dict):
        raise _strange("the reply is not a JSON object", headers, write=write)
    return Answer(body=body, partly=status == _MULTIPLE, loose=loose)


def rows(found: Answer, *, write: bool = False) -> list[Json]:
    """Return the `results` of a reply. Raises UnexpectedReply (RequestUncertain) when they are no list of objects."""
    results = found.body.get("results")
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        raise _strange("the reply has no list of results", {}, write=write)
    return results


def records(found: Answer, *, write: bool = False) -> list[Json]:
    """Return the `results` of a reply about CRM records: each has a text `id` and an object of `properties`."""
    results = rows(found, write=write)
    if not all(isinstance(row.get("id"), str) and isinstance(row.get("properties"), dict) for row in results):
        raise _strange("a result is no CRM record", {}, write=write)
    return results


def next_after(body: Mapping[str, Any], passed: set[str]) -> str | int | None:
    """Return what to pass as `after` for the next page, as it came; None at the end. Notes it in `passed`.

    Raises UnexpectedReply for a malformed `paging`, and for one that leads back to a page that was read.
    """
    paging = body.get("paging")
    if paging is None or paging == {}:
        return None
    following = paging.get("next") if isinstance(paging, dict) else paging
    if following is None:
        return None
    found = following.get("after") if isinstance(following, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
        raise UnexpectedReply("HubSpot: the reply's paging cannot be understood")
    if str(found) in passed:
        raise UnexpectedReply("HubSpot: the paging leads back to a page that was read")
    passed.add(str(found))
    return found


def refusal(status: int, headers: Mapping[str, str], data: bytes, *, write: bool, seconds_of_day_left: float) -> ConnectorError:
    """Return the error that a reply outside 2xx stands for; `seconds_of_day_left` until the account's midnight."""
    body = _error_body(data)
    text = f"HubSpot: {said(status, headers, data)}"
    category = str(body.get("category") or body.get("errorType") or "")
    if status in (423, 429, 477):
        return RateLimited(text, retry_after=_wait(status, headers, body, seconds_of_day_left))
    if status in (401, 530):
        return AuthError(f"HubSpot does not accept the token (HTTP {status}){_reference(headers, body)}")
    if status == 403:
        scopes = missing_scopes(body)
        if scopes:
            return MissingScope(f"HubSpot: the token lacks the scope {' or '.join(scopes)}{_reference(headers, body)}")
        return MissingScope(text) if category == "MISSING_SCOPES" else AuthError(text)
    if status >= 500 or status == 408:
        return RequestUncertain(text) if write else TransientError(text)
    if write and status in (400, 404, 409) and not body.get("message", "").startswith("Unable to infer object type"):
        return RecordRejected(text, code=_code(body) or category or str(status), fields=_fields(body))
    return UnexpectedReply(text)


def said(status: int, headers: Mapping[str, str], data: bytes) -> str:
    """Return what HubSpot said with a reply outside 2xx, without addresses and links, with the correlation id."""
    body = _error_body(data)
    return f"{_words(status, body)}{_reference(headers, body)}"


def missing_scopes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the scopes a 403 asks for; they stand in `context`, or in that of one of `errors`."""
    contexts = [body.get("context"), *(error.get("context") for error in _list_of_objects(body.get("errors")))]
    for context in contexts:
        if isinstance(context, dict) and (scopes := context.get("requiredGranularScopes")):
            return tuple(str(scope) for scope in scopes)
    return ()


def words(error: Mapping[str, Any]) -> str:
    """Return one error of a 207 in HubSpot's words, without addresses and links."""
    return redacted(str(error.get("message") or error.get("category") or "no reason was given"))


def context(error: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of one entry of an error's context, which holds lists."""
    found = error.get("context")
    values = found.get(name) if isinstance(found, dict) else None
    return tuple(map(str, values)) if isinstance(values, list) else ()


def redacted(text: str) -> str:
    """Return a text without e-mail addresses, links and tokens, cut to a readable length."""
    text = re.sub(r"https?://\S+", "(link)", text)
    text = re.sub(r"[^\s\"'<>()\[\]{},:;]+@[^\s\"'<>()\[\]{},:;]+", "(address)", text)
    text = re.sub(r"(?i)bearer\s+\S+|pat-[a-z0-9-]{20,}", "(token)", text)
    return text if len(text) <= 400 else text[:400] + "…"


def _strange(what: str, headers: Mapping[str, str], *, write: bool) -> ConnectorError:
    kind = RequestUncertain if write else UnexpectedReply
    return kind(f"HubSpot: {what}{_reference(headers, {})}")


def _error_body(data: bytes) -> Json:
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(body, dict):
        return {}
    if not isinstance(body.get("message", ""), str):
        body["message"] = ""
    return body


def _words(status: int, body: Mapping[str, Any]) -> str:
    name = body.get("category") or body.get("policyName") or body.get("errorType") or ""
    head = f"HTTP {status} {name}".strip()
    return f"{redacted(str(body['message']))} ({head})" if body.get("message") else head


def _reference(headers: Mapping[str, str], body: Mapping[str, Any]) -> str:
    found = body.get("correlationId") or headers.get("x-hubspot-correlation-id")
    return f" [correlation id {redacted(str(found))}]" if found else ""


def _code(body: Mapping[str, Any]) -> str:
    codes = (error.get("code") for error in _list_of_objects(body.get("errors")))
    return str(next(filter(None, codes), ""))


def _fields(body: Mapping[str, Any]) -> tuple[str, ...]:
    found = (name for error in _list_of_objects(body.get("errors")) for name in context(error, "propertyName"))
    return tuple(dict.fromkeys(found))


def _list_of_objects(found: object) -> list[Json]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _wait(status: int, headers: Mapping[str, str], body: Mapping[str, Any], seconds_of_day_left: float) -> float:
    """Return how long to wait. Search gives no policy, only a text that speaks of a secondly limit."""
    least = 2.0 if status == 423 else 1.0
    sent = headers.get("retry-after", "")
    if sent.isdecimal():
        return min(max(float(sent), least), LONGEST_WAIT)
    policy = str(body.get("policyName") or "").upper()
    text = str(body.get("message") or "").lower()
    if policy == "DAILY" or "daily limit" in text:
        return seconds_of_day_left
    if policy == "SECONDLY" or (not policy and "secondly limit" in text and "ten_secondly" not in text):
        return least
    return 2.0 if status == 423 else 10.0

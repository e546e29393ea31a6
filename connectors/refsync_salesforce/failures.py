"""What a failed call means for refsync: one error of `refsync.errors` for each thing that simple-salesforce and requests raise.

Law: a write whose outcome is not certain is `RequestUncertain`; a text from the CRM is shown without addresses, statements and
e-mail addresses. The codes are those of the REST API's "Status Codes and Error Responses" page; who saw which reply is noted in
the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ssl import SSLCertVerificationError
from typing import Any

import requests.exceptions as http
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError
from urllib3.exceptions import NewConnectionError

from refsync.errors import (
    AuthError,
    ConnectorError,
    RateLimited,
    RecordRejected,
    RequestUncertain,
    TransientError,
    UnexpectedReply,
)
from refsync_salesforce.budget import PAUSE, BudgetSpent
from refsync_salesforce.transport import ForeignHost

CONCURRENCY_PAUSE = 30.0
LOGIN_PAUSE = 3600.0

BUSY = frozenset({"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG"})
"""Codes that go away by themselves. A row refused with one of them was not written."""
CLOSED = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"})
EXPIRED = frozenset({"INVALID_SESSION_ID", "InvalidSessionId", "INVALID_AUTH_HEADER"})
SCHEMA = frozenset({"INVALID_FIELD", "INVALID_TYPE", "MALFORMED_QUERY"})


class SchemaChanged(UnexpectedReply):
    """The org refuses a field or an object that it described before."""


class LocatorGone(UnexpectedReply):
    """The place in a long answer is no longer known; the statement has to be asked again."""


class NotThere(UnexpectedReply):
    """What was asked for does not exist, or not for us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One error as the CRM words it."""

    code: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}: {told(self.message)}" if self.code else told(self.message)


def complaints(content: Any) -> tuple[Complaint, ...]:
    """Return the errors in the body of a reply or of a row: a list or one object, `errorCode` or `statusCode`."""
    entries = content if isinstance(content, list) else [content]
    return tuple(
        Complaint(
            code=str(entry.get("errorCode") or entry.get("statusCode") or entry.get("exceptionCode") or entry.get("error") or ""),
            message=str(entry.get("message") or entry.get("exceptionMessage") or entry.get("error_description") or ""),
            fields=tuple(str(name) for name in entry.get("fields") or ()),
        )
        for entry in entries
        if isinstance(entry, dict)
    )


def told(text: object) -> str:
    """Return what the CRM said, in one line, without addresses, statements and e-mail addresses."""
    line = str(text)
    line = re.sub(r"(?s)^.*ERROR at Row:\d+:Column:\d+", "", line)  # a refused statement is repeated before this mark
    line = re.sub(r"(?is)\bSELECT\b.+?\bFROM\b.*", "(statement)", line)
    line = re.sub(r"[a-z][a-z0-9+.-]*://\S+", "(address)", line, flags=re.IGNORECASE)
    line = re.sub(r"[^\s@<>'\"(\[]+@[^\s@<>'\")\]]+", "(e-mail)", line)
    line = " ".join(re.sub(r"<[^>]*>", " ", line).split())
    return line if len(line) <= 300 else line[:299] + "…"


def is_expiry(error: Exception) -> bool:
    """Whether the session has ended: any 401, and what the Bulk API answers with a 400."""
    if not isinstance(error, SalesforceError) or isinstance(error, SalesforceAuthenticationFailed):
        return False
    return error.status == 401 or any(found.code in EXPIRED for found in complaints(error.content))


def failure(error: Exception, *, writing: bool) -> ConnectorError:
    """Return what a failed call means; `writing` says whether it may have changed something."""
    if isinstance(error, SalesforceError):
        return _refusal(error, writing)
    if isinstance(error, ForeignHost):
        return UnexpectedReply("Salesforce named a host that is not its own; nothing was sent there")
    if isinstance(error, http.RequestException) and _never_left(error):
        return TransientError(f"Salesforce cannot be reached ({_causes(error)})")
    if isinstance(error, http.JSONDecodeError) or not isinstance(error, http.RequestException):
        return unexpected("the reply cannot be read", writing=writing)
    if isinstance(error, http.TooManyRedirects):
        return unexpected("the reply points to another address, which refsync does not follow", writing=writing)
    if writing:
        return RequestUncertain(f"the reply to a write was lost ({_causes(error)})")
    return TransientError(f"Salesforce did not answer properly ({_causes(error)})")


def unexpected(what: str, *, writing: bool) -> ConnectorError:
    """Return the error for a successful reply of the wrong shape."""
    return RequestUncertain(f"after a write, {what}") if writing else UnexpectedReply(f"Salesforce: {what}")


def sign_in_failure(error: Exception, status: int) -> ConnectorError:
    """Return what a failed sign-in means; `status` is that of the last reply."""
    if not isinstance(error, SalesforceAuthenticationFailed):
        return failure(error, writing=False)
    if re.search(r"(?i)login.rate.exceeded", f"{error.code} {error.auth_message}"):
        return RateLimited("Salesforce refuses further sign-ins of this user for now", retry_after=LOGIN_PAUSE)
    if status == 429 or status >= 500:
        return TransientError(f"Salesforce cannot sign us in for now (status {status})")
    if status < 400 and isinstance(error.code, int):
        return UnexpectedReply("the reply to the sign-in cannot be read")
    return AuthError(f"Salesforce refuses the sign-in: {error.code}: {told(error.auth_message)}")


def _refusal(error: SalesforceError, writing: bool) -> ConnectorError:
    status = error.status
    found = complaints(error.content) or (Complaint(message=str(error.content)[:2000]),)
    first = found[0]
    if limit := limited(found):
        return limit
    if status >= 500 or first.code in BUSY - {"UNABLE_TO_LOCK_ROW"}:
        message = f"Salesforce is in trouble (status {status}, {first})"
        return RequestUncertain(message) if writing else TransientError(message)
    if first.code == "UNABLE_TO_LOCK_ROW" or status in (408, 425, 429):
        return TransientError(f"Salesforce is busy (status {status}, {first})")
    if first.code == "INVALID_QUERY_LOCATOR":
        return LocatorGone(str(first))
    if first.code in SCHEMA:
        return SchemaChanged(f"Salesforce refuses what it described before ({first})")
    if status == 403 and first.code in CLOSED:
        return AuthError(f"the API is closed to us ({first})")
    if status == 404:
        return NotThere(f"Salesforce knows nothing of the kind (status {status}, {first})")
    if status in (300, 410, 414, 431) or not writing:
        return UnexpectedReply(f"Salesforce refuses the call (status {status}, {first})")
    if status < 400:
        return RequestUncertain(f"Salesforce answered a write with status {status}")
    return RecordRejected(str(first), code=first.code, fields=first.fields)


def limited(found: tuple[Complaint, ...]) -> RateLimited | None:
    """Return the limit that was met, if one was. No header says how long to wait."""
    for complaint in found:
        if complaint.code == "REQUEST_LIMIT_EXCEEDED":
            if "concurrent" in complaint.message.lower():
                return RateLimited(str(complaint), retry_after=CONCURRENCY_PAUSE)
            words = (
                f"API limit: the org's calls of the last 24 hours are used up ({complaint}); refsync goes on when some are free"
            )
            return BudgetSpent(words, retry_after=PAUSE)
    return None


def _never_left(error: http.RequestException) -> bool:
    """Whether nothing was sent: no connection, no name, no trust in the certificate, no way through the proxy."""
    if isinstance(error, (http.ConnectTimeout, http.ProxyError)):
        return True
    return any(isinstance(cause, NewConnectionError | SSLCertVerificationError) for cause in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies beneath it: requests and urllib3 keep it in `reason`, `args`, or as the cause."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [getattr(found, "reason", None), *found.args, found.__cause__, found.__context__]


def _causes(error: BaseException) -> str:
    """Return the kinds of the errors, outermost first: their texts hold addresses."""
    names = [type(found).__name__ for found in _chain(error)]
    return ", ".join(dict.fromkeys(names[:4]))

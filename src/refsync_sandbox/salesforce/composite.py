"""Several calls in one: `composite`, whose calls may use each other's results, and `composite/batch`, whose calls stand alone.

Law: each inner call is answered as it would be alone, with its status and body in the reply of the whole, which is 200. With
allOrNone everything is kept or nothing. Shapes: recorded (cumulusci/traffic/composite*.json); limits and words of halted calls:
"Composite" and "Batch" in the REST API guide, partly from memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import orjson
from starlette.responses import Response

from refsync_sandbox.salesforce.calls import Answers, Call
from refsync_sandbox.salesforce.paths import read_path
from refsync_sandbox.salesforce.records import Records
from refsync_sandbox.salesforce.refusals import Refused, not_found
from refsync_sandbox.salesforce.replies import refusal, reply

Dispatch: TypeAlias = Callable[[Call], Response]
"""Answers an inner call; raises nothing that Salesforce would answer."""

MOST = 25
MOST_QUERIES = 5
"""How many queries and collections one composite may hold."""
_WHOLE = ("query", "queryAll", "query/{locator}", "queryAll/{locator}", "composite/sobjects")
_NOT_INSIDE = ("composite", "composite/batch", "limits", "limits/recordCount", "jobs/")
_NOT_IN_BATCH = ("composite", "jobs/")
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."
_MISSING = object()


class Composite:
    """Answers `composite` and `composite/batch`."""

    def __init__(self, records: Records, dispatch: Dispatch) -> None:
        self._records, self._dispatch = records, dispatch

    def answers(self) -> Answers:
        """Return what answers each call."""
        return {"POST composite": self._composite, "POST composite/batch": self._batch}

    # -- composite -------------------------------------------------------------------------------------------------------------

    def _composite(self, call: Call) -> Response:
        body = call.object()
        steps = _listed(body, "compositeRequest")
        _checked(steps)
        results: dict[str, dict[str, Any]] = {}
        try:
            with self._records.transaction():
                for step in steps:
                    results[step["referenceId"]] = self._step(call, step, results)
                    if body.get("allOrNone") is True and results[step["referenceId"]]["httpStatusCode"] >= 300:
                        raise _RolledBack(step["referenceId"])
        except _RolledBack as back:
            results = {one["referenceId"]: _halted(one, results, back.culprit) for one in steps}
        return reply({"compositeResponse": list(results.values())})

    def _step(self, call: Call, step: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
        headers: dict[str, str] = {}
        try:
            inner = _inner(call, _filled(step, results), _NOT_INSIDE)
            with self._records.transaction():
                answer = self._dispatch(inner)
            headers = {name: answer.headers[name] for name in ("Location", "Last-Modified") if name in answer.headers}
        except Refused as refused:
            answer = refusal(refused)
        return _result(step["referenceId"], answer.status_code, _body(answer), headers)

    # -- batch -----------------------------------------------------------------------------------------------------------------

    def _batch(self, call: Call) -> Response:
        body = call.object()
        results: list[dict[str, Any]] = []
        for step in _listed(body, "batchRequests"):
            if body.get("haltOnError") is True and any(one["statusCode"] >= 400 for one in results):
                halted = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}]
                results.append({"statusCode": 412, "result": halted})
            else:
                results.append(self._alone(call, step))
        return reply({"hasErrors": any(one["statusCode"] >= 400 for one in results), "results": results})

    def _alone(self, call: Call, step: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = self._dispatch(_inner(call, {**step, "body": step.get("richInput")}, _NOT_IN_BATCH))
        except Refused as refused:
            answer = refusal(refused)
        return {"statusCode": answer.status_code, "result": _body(answer)}


class _RolledBack(Exception):
    def __init__(self, culprit: str) -> None:
        super().__init__(culprit)
        self.culprit = culprit


def _listed(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    steps = body.get(name)
    if not isinstance(steps, list) or not steps or not all(isinstance(step, Mapping) for step in steps):
        raise Refused("JSON_PARSER_ERROR", f"{name} must be a list of calls")
    if len(steps) > MOST:
        raise Refused("LIMIT_EXCEEDED", f"The maximum number of calls in {name} is {MOST}")
    return steps


def _checked(steps: list[Mapping[str, Any]]) -> None:
    """Raise Refused for a composite whose calls have no names of their own, or that holds too many queries."""
    names = [step.get("referenceId") for step in steps]
    if not all(isinstance(name, str) and re.fullmatch(r"\w+", name) for name in names):
        raise Refused("JSON_PARSER_ERROR", "Each call needs a referenceId of letters, digits and underscores")
    if len(set(names)) < len(names):
        raise Refused("INVALID_INPUT", "Duplicate referenceId in the composite request")
    found = [read_path(_address(step)[1]) for step in steps]
    if sum(1 for one in found if one and one.pattern in _WHOLE) > MOST_QUERIES:
        raise Refused("LIMIT_EXCEEDED", f"The maximum number of queries and collections in a composite is {MOST_QUERIES}")


def _address(step: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return version, path and query of an inner call, whose URL starts at `/services/data` or at the version."""
    url = urlsplit(str(step.get("url", "")))
    version, _, rest = url.path.removeprefix("/services/data").strip("/").partition("/")
    return version, unquote(rest), url.query


def _inner(call: Call, step: Mapping[str, Any], refused: tuple[str, ...]) -> Call:
    """Return an inner call. Raises Refused for one that leads nowhere or cannot be made inside."""
    version, rest, query = _address(step)
    found = read_path(rest)
    if found is None or version != call.version:
        raise not_found()
    if any(found.pattern == one or (one.endswith("/") and found.pattern.startswith(one)) for one in refused):
        raise Refused("INVALID_INPUT", f"{found.pattern} cannot be called inside another call")
    headers = {name.lower(): str(value) for name, value in (step.get("httpHeaders") or {}).items()}
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    body = step.get("body")
    method = str(step.get("method", "GET")).upper()
    return Call(method, found, call.base, parameters, headers, b"" if body is None else orjson.dumps(body))


def _filled(step: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call with `@{name.field}` replaced by what the named call gave. Raises Refused for what it did not give."""
    url = _REFERENCE.sub(lambda match: quote(str(_value(match, results)), safe=""), str(step.get("url", "")))
    return {**step, "url": url, "body": _replaced(step.get("body"), results)}


def _replaced(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _replaced(inner, results) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, results) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    return _value(whole, results) if whole else _REFERENCE.sub(lambda match: str(_value(match, results)), value)


def _value(match: re.Match[str], results: Mapping[str, Any]) -> Any:
    name, steps = match.groups()
    found: Any = results[name]["body"] if name in results else _MISSING
    for field, place in _STEP.findall(steps):
        if field:
            found = found.get(field, _MISSING) if isinstance(found, Mapping) else _MISSING
        else:
            found = found[int(place)] if isinstance(found, list) and int(place) < len(found) else _MISSING
    if found is _MISSING:
        what = f"No value for {name}{steps} found in {name}" if name in results else f"Unknown reference {name}"
        raise Refused("PROCESSING_HALTED", f"Invalid reference specified. {what}")
    return found


def _halted(step: Mapping[str, Any], results: Mapping[str, Any], culprit: str) -> dict[str, Any]:
    """Return the result of a call in a composite that was rolled back."""
    name = step["referenceId"]
    if name == culprit:
        result: dict[str, Any] = results[name]
        return result
    return _result(name, 400, [{"errorCode": "PROCESSING_HALTED", "message": _HALTED}], {})


def _result(name: str, status: int, body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    return {"body": body, "httpHeaders": dict(headers), "httpStatusCode": status, "referenceId": name}


def _body(answer: Response) -> Any:
    return orjson.loads(answer.body) if answer.body else None

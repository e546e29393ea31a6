"""HubSpot's own faults, as `{"kind": "own", "name": ...}` arms them: what only HubSpot says, does and forgets.

Law: a fault with `when: before` that refuses a call leaves nothing behind; with `when: after` the call is carried out first. What
a fault spoils in a reply was a proper reply before. `headers` of the fault (such as `Retry-After`) go out with the reply.
Sources: hubspot-api-python#117 (429), airbyte#80745 (short and empty pages), estuary#2210 (rows outside the window), and the
error guide of HubSpot (423, 477, both shapes of MISSING_SCOPES).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from refsync.model import Instant, iso
from refsync_sandbox.faults import Fault, When
from refsync_sandbox.hubspot.access import Access, expired_token, unknown_token
from refsync_sandbox.hubspot.call import Call, Refusal, Reply
from refsync_sandbox.hubspot.kinds import find_kind
from refsync_sandbox.hubspot.limits import Policy, too_many
from refsync_sandbox.hubspot.portal import Portal

Answer: TypeAlias = Callable[[Call], Reply]
"""Carries a call out."""

_HTML = {"content-type": "text/html;charset=utf-8"}
_PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1></body></html>"
_SCOPES = {"scopes": "https://developers.hubspot.com/scopes"}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault happens."""

    portal: Portal
    access: Access
    fault: Fault
    call: Call
    answer: Answer
    since: Instant
    """When this fault struck for the first time."""

    def done(self) -> Reply:
        """Carry the call out as it came."""
        return self.answer(self.call)


class Troubles:
    """Lets calls to one portal go wrong."""

    def __init__(self, portal: Portal, access: Access) -> None:
        self._portal = portal
        self._access = access
        self._struck: list[tuple[Fault, Instant]] = []

    def strike(self, fault: Fault, call: Call, answer: Answer) -> Reply:
        """Return what a call is answered when a fault happens to it. Raises Refusal."""
        scene = Scene(self._portal, self._access, fault, call, answer, self._since(fault, call.now))
        if refusal := REFUSALS.get(fault.name):
            if fault.when is When.AFTER:
                scene.done()
            found = refusal(fault)
            if isinstance(found, Refusal):
                found.headers = fault.headers
                raise found
        else:
            found = OTHERS[fault.name](scene)
        return replace(found, headers={**found.headers, **fault.headers})

    def _since(self, fault: Fault, now: Instant) -> Instant:
        for struck, at in self._struck:
            if struck is fault:
                return at
        self._struck.append((fault, now))
        return now


def _missing_scope(fault: Fault) -> Refusal:
    context = {"requiredGranularScopes": [fault.about or "crm.objects.contacts.read"], "links": list(_SCOPES.values())}
    return Refusal(403, "MISSING_SCOPES", "One or more of the following scopes are required.", context=context)


def _missing_scope_in_errors(fault: Fault) -> Refusal:
    message = "This app hasn't been granted all required scopes to make this call."
    context = {"requiredGranularScopes": [fault.about or "crm.objects.contacts.read"]}
    errors = [{"message": "One or more of the following scopes are required.", "context": context}]
    return Refusal(403, "MISSING_SCOPES", message, errors=errors, links=_SCOPES)


def _new_limit(_fault: Fault) -> Refusal:
    return Refusal(429, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.")


def _locked(_fault: Fault) -> Refusal:
    return Refusal(423, "", "This resource is locked. Please retry after 2 seconds.")


def _migrating(_fault: Fault) -> Refusal:
    return Refusal(477, "", "This account is being moved between data centers.")


def _server_error(fault: Fault) -> Refusal:
    return Refusal(fault.status, "", "internal error")


def _bare_error(fault: Fault) -> Reply:
    return Reply(body={"status": "error"}, status=fault.status)


def _error_page(fault: Fault) -> Reply:
    return Reply(body=_PAGE, status=fault.status, headers=_HTML)


def _not_utf8(fault: Fault) -> Reply:
    return Reply(body=b'{"status":"error","message":"\xff\xfe Stra\xdfe"}', status=fault.status)


def _accepted(_fault: Fault) -> Reply:
    return Reply(body={"status": "PENDING"}, status=202)


def _json_text(_fault: Fault) -> Reply:
    return Reply(body="OK")


REFUSALS: Mapping[str, Callable[[Fault], Refusal | Reply]] = MappingProxyType(
    {
        "unauthorized": lambda _: unknown_token("Authentication credentials not found."),
        "expired": lambda _: expired_token(3),
        "missing-scope": _missing_scope,
        "missing-scope-in-errors": _missing_scope_in_errors,
        "secondly-limit": lambda _: too_many(Policy.SECONDLY),
        "ten-secondly-limit": lambda _: too_many(Policy.TEN_SECONDLY_ROLLING),
        "daily-limit": lambda _: too_many(Policy.DAILY),
        "limit-by-category": _new_limit,
        "locked": _locked,
        "migrating": _migrating,
        "server-error": _server_error,
        "bare-error": _bare_error,
        "error-page": _error_page,
        "not-utf-8": _not_utf8,
        "accepted": _accepted,
        "json-text": _json_text,
    }
)
"""Faults that answer something else than the call is due."""


def _end_sessions(scene: Scene) -> Reply:
    scene.access.end_sessions(scene.call.now)
    return scene.done()


def _drop_property(scene: Scene) -> Reply:
    type_name, _, name = scene.fault.about.partition(".")
    if kind := find_kind(type_name):
        scene.portal.catalogue.remove(kind, name)
    return scene.done()


def _hold_index(scene: Scene) -> Reply:
    return scene.answer(replace(scene.call, indexed=min(scene.call.indexed, scene.since)))


def _some_fail(scene: Scene) -> Reply:
    """Carry out every other input of a batch, and fail the rest, each by itself."""
    body = scene.call.body
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(inputs, list) or len(inputs) < 2:
        return scene.done()
    reply = scene.answer(replace(scene.call, body=body | {"inputs": inputs[::2]}))
    errors = [_failed(one, scene.fault.about or "VALIDATION_ERROR") for one in inputs[1::2]]
    whole = {**(reply.body or {}), "errors": [*(reply.body or {}).get("errors", ()), *errors]}
    return Reply(body=whole | {"numErrors": len(whole["errors"])}, status=207, headers=reply.headers)


def _failed(given: Mapping[str, Any], category: str) -> dict[str, Any]:
    named = {"objectWriteTraceId": given.get("objectWriteTraceId"), "ids": given.get("id")}
    context = {name: [str(value)] for name, value in named.items() if value}
    return {"status": "error", "category": category, "message": "This input could not be handled.", "context": context}


def _page(scene: Scene) -> tuple[Reply, list[Any], str]:
    """Return a proper reply, its results, and the `after` with which it was asked for."""
    reply, body = scene.done(), scene.call.body
    asked = body.get("after") if isinstance(body, dict) else scene.call.query.get("after")
    return reply, list((reply.body or {}).get("results", ())), str(asked or 0)


def _empty_page(scene: Scene) -> Reply:
    reply, _, asked = _page(scene)
    return _with_page(reply, [], scene.call, asked, scene.fault)


def _short_page(scene: Scene) -> Reply:
    reply, results, asked = _page(scene)
    half = len(results) // 2
    if not half or "id" not in results[half]:  # definitions of properties come in no pages
        return reply
    after = str(int(asked) + half) if "total" in reply.body else results[half]["id"]
    return _with_page(reply, results[:half], scene.call, after, scene.fault)


def _same_page(scene: Scene) -> Reply:
    reply, results, asked = _page(scene)
    return _with_page(reply, results, scene.call, asked, scene.fault)


def _with_page(reply: Reply, results: list[Any], call: Call, after: str, fault: Fault) -> Reply:
    paging: Any = {"next": {"after": after}} if "total" in reply.body else call.next_page(after)
    if fault.about == "number":
        paging["next"]["after"] = int(after)
    return replace(reply, body=reply.body | {"results": results, "paging": paging})


def _row_outside(scene: Scene) -> Reply:
    """Let somebody change the last row of a page while it is on its way, so that its stamp lies behind the window."""
    reply, results, _ = _page(scene)
    kind = find_kind(scene.call.path.get("type", ""))
    if not results or kind is None or "id" not in results[-1]:
        return reply
    row, now = results[-1], iso(scene.call.now)
    scene.portal.records.touch(int(row["id"]), now=scene.call.now)
    results[-1] = row | {"updatedAt": now, "properties": row["properties"] | {kind.modified: now}}
    return replace(reply, body=reply.body | {"results": results})


def _out_of_order(scene: Scene) -> Reply:
    reply, results, _ = _page(scene)
    return replace(reply, body=reply.body | {"results": results[1:2] + results[:1] + results[2:]}) if results else reply


OTHERS: Mapping[str, Callable[[Scene], Reply]] = MappingProxyType(
    {
        "token-expires": _end_sessions,
        "property-vanishes": _drop_property,
        "index-stuck": _hold_index,
        "some-fail": _some_fail,
        "empty-page": _empty_page,
        "short-page": _short_page,
        "same-page": _same_page,
        "row-outside": _row_outside,
        "out-of-order": _out_of_order,
    }
)

FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "unauthorized": "401 INVALID_AUTHENTICATION",
        "expired": "401 EXPIRED_AUTHENTICATION, this once",
        "token-expires": "every access token granted so far has expired; the call is answered accordingly",
        "missing-scope": "403 MISSING_SCOPES with the scope (`about`) in `context`",
        "missing-scope-in-errors": "403 MISSING_SCOPES with the scope (`about`) in `errors`",
        "secondly-limit": "429 SECONDLY, as searches are refused; `headers` may hold a Retry-After",
        "ten-secondly-limit": "429 TEN_SECONDLY_ROLLING",
        "daily-limit": "429 DAILY",
        "limit-by-category": "429 with category RATE_LIMITS and no policy",
        "locked": "423",
        "migrating": "477",
        "server-error": "`status` (default 503) as JSON",
        "bare-error": "`status` with a body that lacks every other field",
        "error-page": "`status` as a page for people",
        "not-utf-8": "`status` with bytes that are no UTF-8",
        "accepted": "202 with an unexpected body",
        "json-text": "200 with a JSON text for a body",
        "some-fail": "207: every other input of a batch fails with the category `about` (default VALIDATION_ERROR)",
        "empty-page": "a page without results that has an `after`, as a number if `about` is `number`",
        "short-page": "half a page; its `after` leads to the other half",
        "same-page": "a page whose `after` leads to itself",
        "row-outside": "the last row of a page is changed meanwhile: its stamp lies behind the window",
        "out-of-order": "the first two rows of a page change places",
        "property-vanishes": "the property `about` (such as `companies.tier`) is archived before the call",
        "index-stuck": "searches show what there was when the fault first struck",
    }
)
"""What each fault does, in the words of `GET /_sandbox/faults`."""

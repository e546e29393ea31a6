"""What a portal says about itself: the account and its calls, owners, pipelines.

Law: pipelines come whole, without pages; owners come in pages, those who left only when asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from refsync.model import iso, moment
from refsync_sandbox.hubspot.call import Call, Refusal, Reply, not_valid
from refsync_sandbox.hubspot.kinds import DEAL, TICKET, Kind
from refsync_sandbox.hubspot.limits import Meter
from refsync_sandbox.hubspot.portal import Portal
from refsync_sandbox.hubspot.views import kind_named

MOST_OWNERS = 500


class Account:
    """Handlers of the APIs around the records of one portal."""

    def __init__(self, portal: Portal, meter: Meter) -> None:
        self._portal = portal
        self._meter = meter

    def details(self, call: Call) -> Reply:
        """Answer which account this is."""
        settings = self._portal.settings
        offset = moment(call.now).astimezone(ZoneInfo(settings.time_zone)).utcoffset() or timedelta()
        sign, minutes = "-" if offset < timedelta() else "+", abs(offset) // timedelta(minutes=1)
        return Reply(
            body={
                "portalId": settings.portal_id,
                "accountType": "STANDARD",
                "timeZone": settings.time_zone,
                "companyCurrency": settings.currency,
                "additionalCurrencies": [],
                "utcOffset": f"{sign}{minutes // 60:02}:{minutes % 60:02}",
                "utcOffsetMilliseconds": offset // timedelta(milliseconds=1),
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def usage(self, call: Call) -> Reply:
        """Answer how many calls private apps have made on this day of the account's zone."""
        spent, midnight = self._meter.today(call.now)
        shown = {
            "name": "private-apps-api-calls-daily",
            "usageLimit": self._meter.limits.daily,
            "currentUsage": spent,
            "collectedAt": iso(call.now),
            "fetchStatus": "SUCCESS",
            "resetsAt": iso(midnight),
        }
        return Reply(body={"results": [shown]})

    def owners(self, call: Call) -> Reply:
        """Answer a page of the owners who are there, or of those who left."""
        limit = call.number("limit", 100)
        if not 0 < limit <= MOST_OWNERS:
            raise not_valid(f"limit must be between 1 and {MOST_OWNERS}, not {limit}")
        email, after = call.query.get("email", ""), call.number("after", 0)
        found = [
            one
            for one in self._portal.owners.all(archived=call.flag("archived"))
            if int(one.id) > after and email in ("", one.email)
        ]
        body: dict[str, Any] = {"results": [one.as_json() for one in found[:limit]]}
        if len(found) > limit:
            body["paging"] = call.next_page(found[limit - 1].id)
        return Reply(body=body)

    def owner(self, call: Call) -> Reply:
        """Answer one owner, by owner id or user id."""
        text, by_user = call.path["id"], call.query.get("idProperty") == "userId"
        for one in self._portal.owners.all(archived=call.flag("archived")):
            if text == (str(one.user_id) if by_user else one.id):
                return Reply(body=one.as_json())
        raise Refusal(404, "OBJECT_NOT_FOUND", f"No owner {text} was found")

    def pipelines(self, call: Call) -> Reply:
        """Answer the pipelines of deals or tickets."""
        found = self._portal.pipelines.get(_with_pipelines(call))
        return Reply(body={"results": [found.as_json()] if found else []})

    def pipeline(self, call: Call) -> Reply:
        """Answer one pipeline."""
        return Reply(body=self._pipeline(call))

    def stages(self, call: Call) -> Reply:
        """Answer the stages of one pipeline."""
        return Reply(body={"results": self._pipeline(call)["stages"]})

    def _pipeline(self, call: Call) -> dict[str, Any]:
        found = self._portal.pipelines.get(_with_pipelines(call))
        if found is None or found.id != call.path["id"]:
            raise Refusal(404, "OBJECT_NOT_FOUND", f"No pipeline {call.path['id']} was found")
        return found.as_json()


def _with_pipelines(call: Call) -> Kind:
    kind = kind_named(call.path["type"])
    if kind not in (DEAL, TICKET):
        raise not_valid(f"{kind.plural} have no pipelines")
    return kind

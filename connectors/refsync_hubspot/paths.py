"""Where HubSpot's API keeps what, by version: the one table.

Numbered versions are ending (developers.hubspot.com, changelog "Legacy APIs and legacy apps: what's going unsupported and
when"), so the version is a setting. One record's associations have no GET in 2026-09: they are read by batch in every version.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one API version: `v3`, or a date such as `2026-03`."""

    version: str

    def objects(self, kind: str, *more: str) -> str:
        """Return the path of an object type, of one record of it, or of what is done with it, such as `search`."""
        return self._path("objects", kind, *more)

    def links(self, origin: str, target: str) -> str:
        """Return the path on which associations are read by batch; v3's own ignores paging, so v4 stands in for it."""
        return self._path("associations", origin, target, "batch", "read", numbered="v4")

    def new_links(self, origin: str, target: str) -> str:
        """Return the path on which associations are made by batch."""
        return self._path("associations", origin, target, "batch", "create", numbered="v4")

    def owners(self) -> str:
        return self._path("owners")

    def pipelines(self, kind: str) -> str:
        return self._path("pipelines", kind)

    def properties(self, kind: str, *name: str) -> str:
        """Return the path of the definitions of a type's properties, or of one of them."""
        return self._path("properties", kind, *name)

    def labels(self, origin: str, target: str) -> str:
        """Return the path of the kinds of association between two object types."""
        return self._path("associations", origin, target, "labels", numbered="v4")

    def token(self) -> str:
        """Return the path on which OAuth gives out access tokens."""
        return f"/oauth/{'v1' if self.version == 'v3' else self.version}/token"

    def account(self) -> str:
        return f"/account-info/{self.version}/details"

    def _path(self, area: str, *rest: str, numbered: str = "v3") -> str:
        head = (numbered, area) if self.version == "v3" else (area, self.version)
        return "/crm/" + "/".join(quote(part, safe="") for part in (*head, *rest))

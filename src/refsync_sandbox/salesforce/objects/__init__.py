"""The objects of the stand-in org: those refsync reads, with the fields that matter to clients.

Field types, lengths and flags follow recorded describes of real orgs. Custom fields are those of the agreed field map: a
tier and do-not-contact flags, a referrer on deals and leads, and the unique refsync key on activities (which shows on Task and
Event). `Task.Type`, `HasOptedOutOfEmail` and `DoNotCall` are left out, as recorded describes lack them (salesforce.md 2).
"""

from __future__ import annotations

from refsync_sandbox.salesforce.objects.activities import activities, relations
from refsync_sandbox.salesforce.objects.companies import companies
from refsync_sandbox.salesforce.objects.network import network
from refsync_sandbox.salesforce.objects.people import people
from refsync_sandbox.salesforce.objects.sales import sales
from refsync_sandbox.salesforce.objects.words import KEY_FIELD, LEAD_STATUSES, TASK_STATUSES
from refsync_sandbox.salesforce.schema import Schema

__all__ = ["KEY_FIELD", "LEAD_STATUSES", "TASK_STATUSES", "standard"]


def standard() -> Schema:
    """Return the schema of an org before the custom fields of a book."""
    return Schema((*people(), *companies(), *sales(), *network(), *activities(), *relations()))

"""How this portal keeps who introduced whom, for which HubSpot has no place of its own.

Law: the introduced person is a contact and names its referrer in a property, or in an association with a label of the portal's
own; how far it has come is the contact's lead status, and since when stands in the history of that property. HubSpot cannot say
of what kind an introduction is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from refsync.model import Introduction, IntroductionStatus
from refsync_sandbox.hubspot.translate import IdOf, Values, property_name

REFERRER = "referred_by_contact_id"
"""The property of contacts that holds the id of the referrer."""
LEAD_STATUS_PROPERTY = "hs_lead_status"
REFERRED_BY, REFERRED = "Referred by", "Referred"
"""The labels of the association from the introduced contact to the referrer, and back."""

LEAD_STATUS: Mapping[IntroductionStatus, str] = MappingProxyType(
    {
        IntroductionStatus.NEW: "NEW",
        IntroductionStatus.NO_ANSWER: "ATTEMPTED_TO_CONTACT",
        IntroductionStatus.IN_CONTACT: "IN_PROGRESS",
        IntroductionStatus.MET: "OPEN_DEAL",
        IntroductionStatus.WON: "OPEN_DEAL",
        IntroductionStatus.LOST: "UNQUALIFIED",
        IntroductionStatus.DECLINED: "UNQUALIFIED",
    }
)


def introduction_values(record: Introduction, id_of: IdOf, *, labelled: bool) -> Values:
    """Return the properties of the introduced contact."""
    values: Values = {property_name(column): value for column, value in record.custom.items()}
    if record.status:
        values[LEAD_STATUS_PROPERTY] = LEAD_STATUS[record.status]
    if record.source_contact_id and not labelled:
        values[REFERRER] = id_of("contacts", record.source_contact_id)
    return values

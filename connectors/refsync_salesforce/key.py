"""Where our key stands on a task, and whether the org is prepared for it.

Law: decided from the org's own description, each time it may have changed. The key field is the way that makes doubles
impossible; the marker in CallObject is for orgs whose admins cannot add a field, and only when the connection allows it.
"""

from __future__ import annotations

from refsync_salesforce.description import Description
from refsync_salesforce.words import MARKER


def key_field_problem(name: str, described: Description | None) -> str:
    """Return why our key cannot be kept in the key field, in words for people; empty when it can."""
    if described is None:
        return "Salesforce does not show Task to the user that refsync signs in as"
    field = described.fields.get(name)
    if field is None:
        return f"Task has no field {name}, or the user that refsync signs in as may not see it"
    needs = {
        "an External ID": field.external_id,
        "unique": field.unique,
        "filterable": field.filterable,
        "editable for the user that refsync signs in as": field.createable,
    }
    lacking = [need for need, met in needs.items() if not met]
    return f"the field {name} of Task is not {' and not '.join(lacking)}" if lacking else ""


def marker_problem(described: Description | None) -> str:
    """Return why our key cannot be kept in CallObject, in words for people; empty when it can."""
    field = described.fields.get(MARKER) if described else None
    if field is None or not (field.filterable and field.createable):
        return f"Task has no field {MARKER} that can be written and filtered"
    return ""

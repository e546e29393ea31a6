"""Words that several objects share, or that code outside their declaration knows."""

from __future__ import annotations

TASK_STATUSES = {
    "Not Started": False,
    "In Progress": False,
    "Completed": True,
    "Waiting on someone else": False,
    "Deferred": False,
    "Cancelled": True,
}
"""The values of Task.Status and whether they close a task; `Cancelled` is this org's own."""

LEAD_STATUSES = (
    "Open - Not Contacted",
    "Working - No Answer",
    "Working - Contacted",
    "Closed - Not Converted",
    "Closed - Converted",
)
"""The values of Lead.Status; `Working - No Answer` is this org's own."""

KEY_FIELD = "refsync_key__c"
"""The unique key of our tasks."""

WHAT = ("Account", "Campaign", "Case", "Contract", "Opportunity")
"""What an activity can be about."""

ROLES = ("Business User", "Decision Maker", "Economic Buyer", "Evaluator", "Executive Sponsor", "Influencer", "Technical Buyer")

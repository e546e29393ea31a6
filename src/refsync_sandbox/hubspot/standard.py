"""The properties that HubSpot itself defines, as far as this stand-in knows them.

Each line is a name, a type, and the values of an enumeration, or `read-only`, or `unique`. Names and types follow the property
reference of each object; `hs_communication_direction` is unverified.
"""

from __future__ import annotations

EVERY = """
hs_object_id number read-only
hs_createdate datetime read-only
hs_lastmodifieddate datetime read-only
hs_object_source enumeration read-only
hs_object_source_id string read-only
hs_object_source_label enumeration read-only
hs_merged_object_ids string read-only
hubspot_owner_id enumeration
hubspot_team_id enumeration
"""
CUSTOMER = """
createdate datetime read-only
notes_last_contacted datetime read-only
hs_engagements_last_contacted datetime read-only
notes_last_updated datetime read-only
notes_next_activity_date datetime read-only
num_notes number read-only
"""
ENGAGEMENT = """
hs_timestamp datetime
hs_body_preview string read-only
"""
_LIFECYCLE = """
lifecyclestage enumeration subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other
"""
OWN = {
    "contact": f"""
lastmodifieddate datetime read-only
firstname string
lastname string
email string unique
hs_additional_emails string read-only
phone string
mobilephone string
jobtitle string
company string
website string
associatedcompanyid number
hs_email_optout bool
hs_calculated_merged_vids string read-only
hs_lead_status enumeration NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING
{_LIFECYCLE}
""",
    "company": f"""
name string
domain string
website string
phone string
city string
country string
industry enumeration
annualrevenue number
numberofemployees number
description string
hs_parent_company_id number
{_LIFECYCLE}
""",
    "deal": """
dealname string
dealstage enumeration
pipeline enumeration
amount number
deal_currency_code string
closedate datetime
dealtype enumeration newbusiness existingbusiness
description string
hs_is_closed bool read-only
hs_is_closed_won bool read-only
hs_is_closed_lost bool read-only
days_to_close number read-only
""",
    "ticket": """
subject string
content string
hs_pipeline enumeration
hs_pipeline_stage enumeration
hs_ticket_category enumeration
hs_ticket_priority enumeration LOW MEDIUM HIGH URGENT
hs_ticket_id number read-only
closed_date datetime
""",
    "call": """
hs_call_title string
hs_call_body string
hs_call_direction enumeration INBOUND OUTBOUND
hs_call_status enumeration BUSY CANCELED COMPLETED CONNECTING FAILED IN_PROGRESS NO_ANSWER QUEUED RINGING SCHEDULED
hs_call_disposition enumeration
hs_call_duration number
hs_call_from_number string
hs_call_to_number string
""",
    "email": """
hs_email_subject string
hs_email_text string
hs_email_html string
hs_email_headers string
hs_email_direction enumeration EMAIL INCOMING_EMAIL FORWARDED_EMAIL
hs_email_status enumeration BOUNCED FAILED SCHEDULED SENDING SENT
""",
    "meeting": """
hs_meeting_title string
hs_meeting_body string
hs_internal_meeting_notes string
hs_meeting_location string
hs_meeting_start_time datetime
hs_meeting_end_time datetime
hs_meeting_outcome enumeration SCHEDULED COMPLETED RESCHEDULED NO_SHOW CANCELED
""",
    "note": """
hs_note_body string
""",
    "communication": """
hs_communication_channel_type enumeration CUSTOM_CHANNEL_CONVERSATION LINKEDIN_MESSAGE PHYSICAL_MAIL SMS WHATS_APP
hs_communication_logged_from enumeration CRM
hs_communication_body string
hs_communication_direction enumeration INBOUND OUTBOUND
""",
    "task": """
hs_task_subject string
hs_task_body string
hs_task_status enumeration NOT_STARTED IN_PROGRESS WAITING COMPLETED DEFERRED
hs_task_priority enumeration NONE LOW MEDIUM HIGH
hs_task_type enumeration TODO CALL EMAIL LINKED_IN LINKED_IN_CONNECT LINKED_IN_MESSAGE
hs_task_reminders string
hs_queue_membership_ids string
hs_task_is_completed number read-only
hs_task_completion_date datetime read-only
hs_task_completion_count number read-only
hs_task_is_overdue bool read-only
hs_task_is_past_due_date bool read-only
hs_task_missed_due_date bool read-only
hs_task_family enumeration read-only
hs_task_for_object_type enumeration read-only
hs_start_date_with_fallback datetime read-only
hs_obj_coords string read-only
hs_pipeline enumeration read-only
hs_pipeline_stage enumeration read-only
hs_engagement_source enumeration read-only
""",
}

"""refsync and Salesforce: reads an org over its REST API and writes tasks into it."""

from __future__ import annotations

from refsync.connector import ConnectionSettings
from refsync_salesforce.client import Client
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.options import salesforce_options
from refsync_salesforce.signin import breaker_of

__all__ = ["connect"]


def connect(settings: ConnectionSettings) -> SalesforceConnector:
    """Return a connector for one org; nobody is called yet. Raises ConfigError with every problem of its options."""
    options = salesforce_options(settings)
    client = Client(options, breaker=breaker_of(settings.kept, options))
    return SalesforceConnector(options, settings.custom_fields, client)

"""refsync: pulls a CRM, finds neglected customers and earned referrals, and writes the tasks back."""

__version__ = "0.1.0"

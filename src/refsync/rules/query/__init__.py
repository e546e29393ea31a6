"""Queries: a rule as one SELECT over the mirror, and what it needs to be judged."""

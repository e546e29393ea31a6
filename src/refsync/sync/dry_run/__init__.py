"""Dry runs: rules played without writing, over the data as it is, over past days, and over the small companies of their tests."""

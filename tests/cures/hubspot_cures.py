"""What keeps the numbered bugs of HubSpot tools away."""

from __future__ import annotations

from collections.abc import Mapping

from tests.cures.cure import Cure

NUMBERS = range(1, 31)
"""The bugs that the design lists."""

CURES: Mapping[int, Cure] = {}

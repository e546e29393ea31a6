"""The kit of a connector's author: a CRM in memory, and in `refsync.testing.contract` (needs pytest) what connectors keep."""

from __future__ import annotations

from refsync.testing.memory import Faults, MemoryConnector, MemoryCrm

__all__ = ["Faults", "MemoryConnector", "MemoryCrm"]

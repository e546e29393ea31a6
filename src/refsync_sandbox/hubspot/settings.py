"""How one portal differs from others, and what a test may turn while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from refsync_sandbox.hubspot.access import TOKEN_LIFE
from refsync_sandbox.hubspot.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may be set of a portal; times are milliseconds."""

    portal_id: int = 24700001
    time_zone: str = "US/Eastern"
    currency: str = "USD"
    key_property: str = "refsync_key"
    """The property of tasks that is there from the start; empty: somebody has to create it."""
    key_unique: bool = True
    """Whether that property takes each value once."""
    unique_tasks: bool = True
    """Whether tasks may be given further unique properties."""
    queues: tuple[str, ...] = ()
    """Owners that are no people."""
    limits: Limits = field(default_factory=Limits)
    index_lag: int = 0
    """How long it takes until a search finds a change."""
    ids_as_text: bool = False
    """Whether searches sort ids as texts, as airbyte#79666 suspects."""
    whole_search_body: bool = True
    """Whether the 3,000 characters of a search are those of its whole body, or only of what is searched for."""
    association_page: int = 500
    """How many associated records one reply names for one record."""
    introductions_by_label: bool = False
    """Whether a book's introductions are associations labelled "Referred by" instead of a property."""
    merges_keep_id: bool = False
    """Whether the survivor of a merge keeps its id (HubSpot's beta "Primary ID Preservation")."""
    token_life: int = TOKEN_LIFE
    """How long an access token of the OAuth app is good."""

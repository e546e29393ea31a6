"""facts.toml: where a CRM keeps what has no standard field, milestones and facts of a company's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from refsync.company import OBJECTS
from refsync.errors import Problem, did_you_mean
from refsync.rules.facts.registry import FACTS, MILESTONE_KINDS
from refsync.rules.files.table import Table
from refsync.rules.rule import OwnFact, SubjectKind
from refsync.toml_source import TomlSource

CONNECTORS = ("salesforce", "hubspot", "files")
TYPES = ("text", "number", "yes/no", "date", "time")
OWN: tuple[SubjectKind, ...] = ("account", "contact", "deal", "introduction")
"""What a fact of one's own can be about: what a CRM has records of."""


def read_facts(
    source: TomlSource, problems: list[Problem], taken: Collection[str] = FACTS
) -> tuple[dict[str, dict[str, str]], tuple[OwnFact, ...]]:
    """Return the milestones, kind -> connector -> `Object.Field`, and the facts of one's own. `taken`: names in use."""
    table = Table(source, problems)
    milestones = _milestones(table.table("milestone"))
    own = tuple(fact for subject in OWN if (one := table.table(subject)) for fact in _own(subject, one, taken))
    table.done()
    return milestones, own


def _milestones(listed: Table | None) -> dict[str, dict[str, str]]:
    if listed is None:
        return {}
    for kind in listed.data:
        if kind not in MILESTONE_KINDS and (meant := did_you_mean(kind.lower(), MILESTONE_KINDS)):
            listed.note(f'"{kind}" is a milestone of your own', meant, at=(kind,), part="key", severity="hint")
    return {kind: _fields(one) for kind in listed.data if (one := listed.table(kind)) is not None}


def _fields(table: Table) -> dict[str, str]:
    found = {}
    if not table.data:
        table.note("no field is named", f"one of: {', '.join(CONNECTORS)}", severity="warning")
    for connector in table.data:
        mapped = _of_connector(table, connector)
        name, dot, crm_field = mapped.partition(".")
        if mapped and (name.lower() not in OBJECTS or not dot or not crm_field):
            hint = "write the object and the field, for instance Account.Go_Live_On__c"
            table.note(f'"{mapped}" names no field of an account or a deal', hint, at=(connector,))
        elif mapped:
            found[connector] = mapped
    return found


def _of_connector(table: Table, connector: str) -> str:
    """Return what is mapped for a connector; an empty text when there is no such connector, which is noted."""
    table.known.add(connector)
    if connector not in CONNECTORS:
        hint = did_you_mean(connector, CONNECTORS) or f"one of: {', '.join(CONNECTORS)}"
        table.note(f'there is no connector "{connector}"', hint, at=(connector,), part="key")
        return ""
    return table.text(connector)


def _own(subject: SubjectKind, table: Table, taken: Collection[str]) -> list[OwnFact]:
    found = []
    for word in table.data:
        name = f"{subject}.{word}"
        if (one := table.table(word)) is None:
            continue
        if name in taken:
            table.note(f"{name} is a fact already", "give yours another name", at=(word,), part="key")
        elif not re.fullmatch(r"[a-z][a-z0-9_]*", word):
            table.note(f'"{word}" is no name for a fact', "use small letters, digits and _", at=(word,), part="key")
        elif fact := _fact(name, subject, one):
            found.append(fact)
    return found


def _fact(name: str, subject: SubjectKind, table: Table) -> OwnFact | None:
    before = len(table.problems)
    fields = _crm_fields(table)
    kind = table.text("type", "text", choices=TYPES)
    values = table.texts("values")
    if values and kind != "text":
        table.note("only a text has values to choose from", at=("values",), part="key")
    meaning = table.text("meaning")
    table.done()
    if len(table.problems) > before:
        return None
    return OwnFact(name=name, subject=subject, type=kind, fields=fields, values=values, meaning=meaning)


def _crm_fields(table: Table) -> Mapping[str, str]:
    """Return the field of each connector: one for all, or a table with one for each."""
    if isinstance(table.data.get("field"), dict):
        named = table.table("field")
        found = {connector: _of_connector(named, connector) for connector in named.data} if named else {}
    else:
        found = dict.fromkeys(CONNECTORS, table.text("field", required=True))
    for field in dict.fromkeys(found.values()):
        if field and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", field):
            hint = "write the name of the field alone, for instance Health__c: the fact says what it belongs to"
            table.note(f'"{field}" is no name of a field', hint, at=("field",))
    if not found:
        table.note("no field is named", f"one of: {', '.join(CONNECTORS)}", at=("field",))
    return found

"""What an admin deploys into the org before refsync writes tasks: the key field and a permission set, as an sf project.

Law: least privilege. refsync reads accounts, contacts, opportunities, cases and leads, all of them (a hidden activity would look
like neglect), and creates and edits tasks; it may do nothing else. A file that a person has changed is never overwritten.

Formats: "CustomField" and "PermissionSet" of the Metadata API; source format of an sf project. Tasks have no object permissions
of their own, the user permission `EditTask` covers them; a field of Activity is permitted by its name on Task. A field that is
required may not stand in a permission set, or the deployment fails; so only fields are named of which that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from refsync.errors import Problem, shown
from refsync_salesforce.schema import Schema
from refsync_salesforce.sources import EVENT, TASK, Source

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
SOURCE = "force-app/main/default"
NAME = "refsync"

OBJECTS = ("Account", "Case", "Contact", "Lead", "Opportunity")
"""The objects that have permissions of their own among those that are read; the others follow from them."""
READ_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Account": ("AnnualRevenue", "Industry", "ParentId", "Type"),
        "Case": ("AccountId", "Priority", "Subject"),
        "Contact": ("AccountId", "DoNotCall", "Email", "HasOptedOutOfEmail", "Phone", "Title"),
        "Opportunity": ("AccountId", "Amount"),
    }
)
"""Standard fields that are read and that field-level security can hide."""
WRITTEN_FIELDS = ("Task.Description", "Task.WhatId", "Task.WhoId")
USER_PERMISSIONS = ("ApiEnabled", "EditTask")

DEPLOY = "sf project deploy start --manifest manifest/package.xml --target-org ORG"
INSTRUCTIONS = """\
# What refsync needs in this org

* `Activity.{key}`: the text by which refsync knows its own tasks. Salesforce keeps it unique, so no task is written twice.
* Permission set `refsync`: reads all accounts, contacts, opportunities, cases and leads; creates and edits tasks.

Deploy it with the Salesforce CLI, best into a sandbox org first, and give it to the user that refsync signs in as:

    {deploy}
    sf org assign permset --name refsync --target-org ORG --on-behalf-of USER@EXAMPLE.COM

A user with the licence "Salesforce Integration" needs the permission set licence "Salesforce API Integration" before that.
Then run `refsync check` again: it says what is still missing.
"""


def package(key_field: str, api_version: str, custom_fields: Iterable[str]) -> Mapping[str, str]:
    """Return the text of each file by its path. `custom_fields` are the org's own that are read, such as `Account.Tier__c`."""
    field = f"Activity.{key_field}"
    readable = [f"{name}.{one}" for name, fields in READ_FIELDS.items() for one in fields]
    permissions = dict.fromkeys([*readable, *custom_fields], False) | dict.fromkeys([*WRITTEN_FIELDS, f"Task.{key_field}"], True)
    return {
        "README.md": INSTRUCTIONS.format(key=key_field, deploy=DEPLOY),
        "sfdx-project.json": _project(api_version),
        "manifest/package.xml": _manifest(api_version, {"CustomField": field, "PermissionSet": NAME}),
        f"{SOURCE}/objects/Activity/fields/{key_field}.field-meta.xml": _key_field(key_field),
        f"{SOURCE}/permissionsets/{NAME}.permissionset-meta.xml": _permission_set(permissions),
    }


def lay_out(folder: Path, files: Mapping[str, str]) -> Iterator[Problem]:
    """Write the files below a folder and yield how to deploy them; nothing is written where one of them differs already."""
    changed = [path for path, text in files.items() if (folder / path).exists() and (folder / path).read_text() != text]
    if changed:
        yield Problem(
            message=f"{shown(folder / changed[0])} is there already and differs", hint="move it away, then run this again"
        )
        return
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    yield Problem(
        severity="hint",
        message=f"{shown(folder)} holds what an admin deploys into the org: the key field of tasks and a permission set",
        hint=f"{DEPLOY} in that folder; more in its README.md",
    )


def own_fields(sources: Iterable[Source], schema: Schema, named: Iterable[str]) -> Iterator[str]:
    """Yield the org's own fields that are read, such as `Account.Tier__c`: those it shows us, and those that people have named.

    Fields of tasks and events are fields of Activity, which are permitted by their name on Task.
    """
    chosen = frozenset(named)
    for source in sources:
        described = schema.of(source.object)
        asked = chosen | frozenset(source.custom) | (frozenset(described.fields) if described else frozenset())
        of = "Task" if source.object in (TASK, EVENT) else source.object
        yield from (f"{of}.{name}" for name in (*source.fields, *source.custom) if name.endswith("__c") and name in asked)


def _project(api_version: str) -> str:
    return f'{{\n  "packageDirectories": [{{"path": "force-app", "default": true}}],\n  "sourceApiVersion": "{api_version}"\n}}\n'


def _manifest(api_version: str, members: Mapping[str, str]) -> str:
    types = [("types", [("members", member), ("name", kind)]) for kind, member in members.items()]
    return _document("Package", [*types, ("version", api_version)])


def _key_field(name: str) -> str:
    return _document(
        "CustomField",
        [
            ("fullName", name),
            ("caseSensitive", "true"),
            ("description", "Names the task for refsync, so that it is written once. Do not edit."),
            ("externalId", "true"),
            ("label", "refsync key"),
            ("length", "64"),
            ("required", "false"),
            ("type", "Text"),
            ("unique", "true"),
        ],
    )


def _permission_set(fields: Mapping[str, bool]) -> str:
    """Return the permission set; `fields` says of each field whether it may be edited."""
    return _document(
        "PermissionSet",
        [
            ("description", "What refsync may do: read customers and what was done with them, create and edit tasks."),
            *(("fieldPermissions", _field(name, editable=fields[name])) for name in sorted(fields)),
            ("hasActivationRequired", "false"),
            ("label", NAME),
            *(("objectPermissions", _read(name)) for name in OBJECTS),
            *(("userPermissions", [("enabled", "true"), ("name", name)]) for name in USER_PERMISSIONS),
        ],
    )


def _field(name: str, *, editable: bool) -> list[tuple[str, str]]:
    return [("editable", str(editable).lower()), ("field", name), ("readable", "true")]


def _read(name: str) -> list[tuple[str, str]]:
    refused = [(one, "false") for one in ("allowCreate", "allowDelete", "allowEdit")]
    return [*refused, ("allowRead", "true"), ("modifyAllRecords", "false"), ("object", name), ("viewAllRecords", "true")]


def _document(kind: str, parts: Sequence[tuple[str, str | Sequence[tuple[str, str]]]]) -> str:
    root = Element(kind, xmlns=NAMESPACE)
    for name, content in parts:
        child = SubElement(root, name)
        if isinstance(content, str):
            child.text = content
            continue
        for inner, text in content:
            SubElement(child, inner).text = text
    indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'

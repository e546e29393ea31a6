"""The project that an admin deploys: well formed, of the Metadata API's own elements, and no more rights than are needed."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from refsync.errors import Problem
from refsync_salesforce.setup import NAMESPACE, OBJECTS, package
from tests.salesforce.sandboxed import Hands

FILES = package("refsync_key__c", "62.0", ["Account.Tier__c"])
FIELD = "force-app/main/default/objects/Activity/fields/refsync_key__c.field-meta.xml"
PERMISSIONS = "force-app/main/default/permissionsets/refsync.permissionset-meta.xml"
MANIFEST = "manifest/package.xml"

# the elements that the Metadata API guide lists under CustomField, PermissionSet and its parts, and package.xml
LISTED = {
    "CustomField": """
        fullName businessOwnerGroup businessOwnerUser businessStatus caseSensitive complianceGroup customDataType defaultValue
        deleteConstraint deprecated description displayFormat displayLocationInDecimal encryptionScheme escapeMarkup externalId
        formula formulaTreatBlanksAs inlineHelpText isConvertLeadDisabled isFilteringDisabled isNameField isSortingDisabled
        label length lookupFilter maskChar maskType picklist populateExistingRows precision referenceTo relationshipLabel
        relationshipName relationshipOrder reparentableMasterDetail required restrictedAdminField scale securityClassification
        startingNumber stripMarkup summarizedField summaryFilterItems summaryForeignKey summaryOperation trackFeedHistory
        trackHistory trackTrending translateData type unique valueSet visibleLines writeRequiresMasterRead""",
    "PermissionSet": """
        applicationVisibilities classAccesses customMetadataTypeAccesses customPermissions customSettingAccesses description
        externalCredentialPrincipalAccesses externalDataSourceAccesses fieldPermissions flowAccesses hasActivationRequired
        label license objectPermissions pageAccesses recordTypeVisibilities tabSettings userPermissions""",
    "fieldPermissions": "editable field readable",
    "objectPermissions": "allowCreate allowDelete allowEdit allowRead modifyAllRecords object viewAllFields viewAllRecords",
    "userPermissions": "enabled name",
    "Package": "apiAccessLevel description fullName namespacePrefix postInstallClass types version",
    "types": "members name",
}


def read(path: str) -> Element:
    return fromstring(FILES[path])  # noqa: S314 # our own text


def named(element: Element) -> str:
    assert element.tag.startswith(f"{{{NAMESPACE}}}")
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


def known(parent: str, child: str) -> bool:
    return child in LISTED[parent].split()


def texts(root: Element, path: str) -> list[str]:
    return [element.text or "" for element in root.findall("/".join(f"{{{NAMESPACE}}}{part}" for part in path.split("/")))]


@pytest.mark.parametrize("path", [FIELD, PERMISSIONS, MANIFEST])
def test_elements_are_those_of_the_metadata_api(path: str) -> None:
    """Each file is well formed XML, and each element stands where the Metadata API knows it."""
    root = read(path)
    parents = [root, *(child for child in root if len(child))]
    unknown = [(named(parent), named(child)) for parent in parents for child in parent if not known(named(parent), named(child))]

    assert [] == unknown


def test_key_field_is_one_that_refsync_accepts() -> None:
    """The field is a text of 64 characters, an external id, unique and case sensitive."""
    root = read(FIELD)
    wanted = ("refsync_key__c", "Text", "64", "true", "true", "true")

    assert wanted == tuple(
        texts(root, name)[0] for name in ("fullName", "type", "length", "externalId", "unique", "caseSensitive")
    )


def test_permission_set_gives_no_more_than_is_needed() -> None:
    """Records are read and never changed; only the key, the text and the links of a task can be edited."""
    root = read(PERMISSIONS)
    granted = {
        name: texts(root, f"objectPermissions/{name}")
        for name in ("allowCreate", "allowDelete", "allowEdit", "modifyAllRecords", "allowRead", "viewAllRecords")
    }
    editable = [
        field
        for field, edit in zip(texts(root, "fieldPermissions/field"), texts(root, "fieldPermissions/editable"), strict=True)
        if edit == "true"
    ]

    assert {"allowRead": {"true"}, "viewAllRecords": {"true"}} == {
        name: set(values) for name, values in granted.items() if set(values) != {"false"}
    }
    assert list(OBJECTS) == texts(root, "objectPermissions/object")
    assert ["ApiEnabled", "EditTask"] == texts(root, "userPermissions/name")
    assert ["Task.Description", "Task.WhatId", "Task.WhoId", "Task.refsync_key__c"] == editable
    assert "Account.Tier__c" in texts(root, "fieldPermissions/field")


def test_manifest_names_what_is_there() -> None:
    """The manifest and the project fit the files beside them, in the API version that refsync speaks."""
    root = read(MANIFEST)
    project = json.loads(FILES["sfdx-project.json"])

    assert ["Activity.refsync_key__c", "refsync"] == texts(root, "types/members")
    assert ["CustomField", "PermissionSet"] == texts(root, "types/name")
    assert (["62.0"], "62.0") == (texts(root, "version"), project["sourceApiVersion"])
    assert all(path.startswith(("README", "sfdx", "manifest", project["packageDirectories"][0]["path"])) for path in FILES)


def test_connector_writes_the_project(hands: Hands, tmp_path: Path) -> None:
    """Setting up writes the files into a folder and says how to deploy them; files of a person are never overwritten."""
    folder = tmp_path / "setup"
    (said,) = hands.connect().set_up(folder)
    (again,) = hands.connect().set_up(folder)
    (folder / MANIFEST).write_text("mine")
    refused: list[Problem] = list(hands.connect().set_up(folder))

    assert ("hint", "hint") == (said.severity, again.severity)
    assert "sf project deploy start" in said.hint
    assert sorted(FILES) == sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert ["error"] == [problem.severity for problem in refused]
    assert "mine" == (folder / MANIFEST).read_text()

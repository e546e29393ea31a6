"""Describe: what objects and fields are, as clients ask for it."""

from __future__ import annotations

from typing import Any

from refsync_sandbox.salesforce.schema import NUMBERS, Child, Field, Kind, Schema, SObject

_SOAP = {
    Kind.ID: "tns:ID",
    Kind.REFERENCE: "tns:ID",
    Kind.BOOLEAN: "xsd:boolean",
    Kind.DATE: "xsd:date",
    Kind.DATETIME: "xsd:dateTime",
    Kind.INT: "xsd:int",
    Kind.DOUBLE: "xsd:double",
    Kind.CURRENCY: "xsd:double",
}


def described_globally(schema: Schema, base: str) -> dict[str, Any]:
    """Return the body of `GET sobjects`."""
    objects = [_summary(one, base) for one in schema.shown]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}


def described(schema: Schema, subject: SObject, base: str) -> dict[str, Any]:
    """Return the body of `GET sobjects/X/describe`."""
    relations = [_child(child, schema.objects[child.object]) for child in subject.children if schema.find(child.object)]
    master = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": "012000000000000AAA",
        "urls": {"layout": f"{base}/sobjects/{subject.name}/describe/layouts/012000000000000AAA"},
    }
    return _summary(subject, base) | {
        "actionOverrides": [],
        "childRelationships": relations,
        "compactLayoutable": True,
        "fields": [_field(one) for one in subject.shown],
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [master],
        "searchLayoutable": True,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {subject.plural.lower()}", "name": "everything"}],
    }


def described_briefly(subject: SObject, base: str) -> dict[str, Any]:
    """Return the body of `GET sobjects/X`."""
    return {"objectDescribe": _summary(subject, base), "recentItems": []}


def _summary(subject: SObject, base: str) -> dict[str, Any]:
    own = f"{base}/sobjects/{subject.name}"
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": subject.createable,
        "custom": False,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": subject.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": subject.prefix or None,
        "label": _label(subject.name),
        "labelPlural": subject.plural,
        "layoutable": True,
        "mergeable": subject.mergeable,
        "mruEnabled": True,
        "name": subject.name,
        "queryable": True,
        "replicateable": subject.replicateable,
        "retrieveable": True,
        "searchable": True,
        "triggerable": True,
        "undeletable": subject.deletable and subject.soft_delete,
        "updateable": subject.updateable and subject.createable,
        "urls": {"describe": f"{own}/describe", "rowTemplate": f"{own}/{{ID}}", "sobject": own},
    }


def _child(child: Child, subject: SObject) -> dict[str, Any]:
    return {
        "cascadeDelete": child.cascade,
        "childSObject": subject.name,
        "deprecatedAndHidden": False,
        "field": child.field,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": child.name,
        "restrictedDelete": False,
    }


def _field(one: Field) -> dict[str, Any]:
    number = one.kind in NUMBERS
    return {
        "aggregatable": one.filterable,
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": one.length * 3,
        "calculated": one.calculated,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": one.case_sensitive,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": one.createable,
        "custom": one.custom,
        "defaultValue": one.default if one.kind is Kind.BOOLEAN else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": one.default is not None or not one.createable,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": 9 if one.kind is Kind.INT else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": one.external_id,
        "extraTypeInfo": None,
        "filterable": one.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": one.filterable and not number,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": one.id_lookup,
        "inlineHelpText": None,
        "label": one.label or _label(one.name),
        "length": one.length,
        "mask": None,
        "maskType": None,
        "name": one.name,
        "nameField": one.name_field,
        "namePointing": len(one.refers_to) > 1,
        "nillable": one.nillable,
        "permissionable": one.createable and one.nillable,
        "picklistValues": [_value(one, text) for text in one.values],
        "polymorphicForeignKey": len(one.refers_to) > 1,
        "precision": 18 if number and one.kind is not Kind.INT else 0,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(one.refers_to),
        "relationshipName": one.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": one.restricted,
        "scale": 2 if number and one.kind is not Kind.INT else 0,
        "searchPrefilterable": False,
        "soapType": _SOAP.get(one.kind, "xsd:string"),
        "sortable": one.sortable,
        "type": one.kind.value,
        "unique": one.unique,
        "updateable": one.updateable,
        "writeRequiresMasterRead": False,
    }


def _value(one: Field, text: str) -> dict[str, Any]:
    return {"active": True, "defaultValue": text == one.default, "label": text, "validFor": None, "value": text}


def _label(name: str) -> str:
    """Return a name in words: `CloseDate` becomes `Close Date`."""
    plain = name.removesuffix("__c").replace("_", " ")
    return "".join(f" {a}" if a.isupper() and b.islower() else a for b, a in zip(" " + plain, plain, strict=False)).strip()

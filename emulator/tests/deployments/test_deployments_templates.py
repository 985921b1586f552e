# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told about a template before anything is deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import empty, make_specialized
from deployment_templates import PASSWORD, VERSION, body, network, refusal, security_group, template, whole_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from azure_process import LocalAzure

_ONE = {"p": {"type": "string"}}
_SEE = "Please see https://aka.ms/arm-template/#resources for usage details."


def test_a_good_one(azure: LocalAzure) -> None:
    answer = azure.call("POST", "resources:deployments/d/validate", body(whole_machine(), PASSWORD), VERSION)
    assert answer.status_code == 200, answer.text
    shown = answer.json()["properties"]
    assert (shown["provisioningState"], shown["duration"]) == ("Succeeded", "PT0S")
    assert [one["id"].rpartition("/")[2] for one in shown["validatedResources"]] == ["net", "nic", "vm"]
    assert azure.call("GET", "resources:deployments/d").status_code == 404


def test_more_cores_than_there_are(azure: LocalAzure) -> None:
    """Providers are asked before anything is deployed; the machines of a template count together."""
    quota = (
        f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/westeurope/providers/Microsoft.Quota"
        "/quotas/cores"
    )
    few = {"properties": {"limit": {"limitObjectType": "LimitValue", "value": 3}, "name": {"value": "cores"}}}
    assert azure.call("PUT", quota, few, "2023-02-01").status_code < 300
    given = whole_machine()
    given["resources"][-1] |= {"copy": {"name": "many", "count": 4}, "name": "[concat('vm', copyIndex())]"}
    del given["outputs"]
    for method, action in (("POST", "/validate"), ("PUT", "")):
        answer = azure.call(method, f"resources:deployments/d{action}", body(given, PASSWORD), VERSION)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "InvalidTemplateDeployment")
        assert "not valid according to the validation procedure. The tracking id is '" in error["message"]
        assert [detail["code"] for detail in error["details"]] == ["QuotaExceeded"]
        assert "Additional Required: 4" in error["details"][0]["message"]
    assert azure.call("GET", "resources:deployments/d").status_code == 404


def test_what_if(azure: LocalAzure) -> None:
    azure.put("network:networkSecurityGroups/there", {"location": "westeurope"})
    azure.put("network:networkSecurityGroups/other", {"location": "westeurope"})
    azure.put("disks/free", empty(1))
    azure.put("disks/used", empty(1, osType="Linux"))
    make_specialized(azure, "vm", "used")
    wanted = template(security_group("there"), security_group("new"), {**security_group("other"), "existing": True})
    for mode, kind in (("Complete", "Delete"), ("Incremental", "Ignore")):
        given = body(wanted, mode=mode)
        changes = azure.call("POST", "resources:deployments/d/whatIf", given, VERSION).json()["properties"]["changes"]
        found = {one["resourceId"].rpartition("/")[2]: one["changeType"] for one in changes}
        expected = {"there": "Deploy", "new": "Create", "other": kind, "vm": kind, "free": kind, "used": "Ignore"}
        assert found.items() >= expected.items()


@pytest.mark.parametrize(
    ("parameters", "given_values", "words"),
    [
        (_ONE, {}, "The value for the template parameter 'p' at line '1' and column '1' is not provided."),
        (
            _ONE,
            {"p": {"value": 5}},
            "Template parameter JToken type is not valid. Expected 'String, Uri'. Actual 'Integer'.",
        ),
        ({"p": {"type": "int"}}, {"p": {"value": True}}, "Expected 'Integer'. Actual 'Boolean'."),
        (
            {"p": {"type": "string", "allowedValues": ["a", "b"]}},
            {"p": {"value": "c"}},
            (
                "The provided value for the template parameter 'p' is not valid. The value 'c' is not part of the allowed "
                "value(s): 'a,b'."
            ),
        ),
        (
            {"p": {"type": "string", "minLength": 3}},
            {"p": {"value": "ab"}},
            "Length of the value should be greater than or equal to '3'.",
        ),
        ({"p": {"type": "int", "maxValue": 3}}, {"p": {"value": 4}}, "Value should be less than or equal to '3'."),
        (
            _ONE,
            {"p": {"value": "a"}, "q": {"value": 1}},
            (
                "The template parameters 'q' in the parameters file are not valid; they are not present in the original template "
                "and can therefore not be provided at deployment time. The only supported parameters for this template are 'p'."
            ),
        ),
        ({"p": {"type": "text"}}, {}, "the type 'text' is not supported"),
        ({"p": {"type": "string", "defaultValue": "[foo()]"}}, {}, "The template function 'foo' is not valid."),
    ],
)
def test_parameters(azure: LocalAzure, parameters: dict[str, Any], given_values: dict[str, Any], words: str) -> None:
    status, code, message = refusal(azure, template(parameters=parameters), parameters=given_values)
    assert (status, code) == (400, "InvalidTemplate")
    assert message.startswith("Deployment template validation failed: '")
    assert words in message


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"": {"value": 1}}, "InvalidDeploymentParameterKey"),
        ({"p": "bare"}, "InvalidDeploymentParameterValue"),
        ({"p": {"reference": {"keyVault": {"id": "/x"}, "secretName": "s"}}}, "KeyVaultParameterReferenceNotFound"),
    ],
)
def test_parameter_entries(azure: LocalAzure, entry: dict[str, Any], code: str) -> None:
    assert refusal(azure, template(parameters=_ONE), parameters=entry)[:2] == (400, code)


def test_tags_of_a_deployment_are_texts(azure: LocalAzure) -> None:
    for tags, status in (({"a": "b"}, 200), ({"a": 1}, 400), ("a", 400)):
        given = {**body(template()), "tags": tags}
        answer = azure.call("POST", "resources:deployments/d/validate", given, VERSION)
        assert answer.status_code == status, answer.text
        if status == 200:
            assert answer.json()["tags"] == tags


@pytest.mark.parametrize(
    ("given_template", "words"),
    [
        (template(security_group("a", dependsOn=["nobody"])), "The resource 'nobody' is not defined in the template."),
        (
            template(security_group("a", dependsOn=[""]), security_group("b")),
            "The resource '' is not defined in the template.",
        ),
        (
            template(security_group("a"), security_group("A")),
            (
                "The resource 'Microsoft.Network/networkSecurityGroups/A' at line '1' and column '1' is defined multiple times in a "
                f"template. {_SEE}"
            ),
        ),
        (
            template(security_group("a", dependsOn=["b"]), security_group("b", dependsOn=["a"])),
            "Circular dependency detected on resource: '",
        ),
        (
            template(security_group("a", tags={"x": "[reference('b').x]"}), security_group("b", dependsOn=["a"])),
            "Circular dependency detected on resource: '",
        ),
        (template(security_group("a/b")), "has incorrect segment lengths."),
        (template(security_group("[parameters('x')]")), "The template parameter 'x' is not found."),
        (template(security_group("[variables('x')]")), "The template variable 'x' is not found."),
        (template(security_group("[variables('x')]"), variables={"x": "[variables('x')]"}), "refers to itself"),
        (
            template(security_group("[reference('x').y]")),
            "The template function 'reference' is not expected at this location.",
        ),
        (template(security_group("a", tags={"x": "[foo('y')]"})), "The template function 'foo' is not valid."),
        (
            template(security_group("a", tags={"x": "[pickZones('a')[0]]"})),
            "'pickZones': function requires from 3 to 5 arguments while 1 were provided.",
        ),
        (
            template(network(properties={"x": ["[variables('v').b]"]}), variables={"v": {"a": 1}}),
            (
                "is not valid: The language expression property 'b' doesn't exist, available properties are 'a'.. Please see "
                "https://aka.ms/arm-template-expressions for usage details.'."
            ),
        ),
        (template(security_group("a", copy={"name": "c", "count": 801})), "must be from 0 to 800"),
        (template(security_group("a", condition="yes")), "expects its parameter to be a boolean"),
        (template(security_group(None)), "The name property cannot be null or empty"),
        (
            template({"type": "Microsoft.Network/networkSecurityGroups", "name": "a"}),
            "The apiVersion property cannot be null",
        ),
        ({"resources": []}, "The template property '$schema' cannot be null or empty."),
        (template(7), "must be an object, not 'Integer'"),  # type: ignore[arg-type]
        ({**template(), "resources": 7}, "must be an array or an object"),
        ({**template(), "variables": 7}, None),
        (
            template(security_group("a"), parameters=7),
            "The template section 'parameters' must be an object, not 'Integer'",
        ),
    ],
)
def test_templates(azure: LocalAzure, given_template: dict[str, Any], words: str | None) -> None:
    answer = azure.call("POST", "resources:deployments/d/validate", body(given_template), VERSION)
    if words is None:
        assert answer.status_code == 200
        return
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "InvalidTemplate")
    assert words in error["message"]
    assert error["additionalInfo"][0]["type"] == "TemplateViolation"


@pytest.mark.parametrize(
    ("given_body", "code", "words"),
    [
        ({}, "InvalidRequestContent", "properties"),
        ({"properties": {"template": template()}}, "InvalidRequestContent", "'mode' not found"),
        ({"properties": {"template": template(), "mode": "Half"}}, "InvalidRequestContent", "DeploymentMode"),
        ({"properties": {"mode": "Incremental"}}, "InvalidRequestContent", "template"),
        (
            {"properties": {"mode": "Incremental", "templateLink": {"uri": "https://example.org/t.json"}}},
            "InvalidContentLink",
            "Unable to download deployment content from 'https://example.org/t.json'.",
        ),
        (
            {
                "properties": {
                    "mode": "Incremental",
                    "template": template(),
                    "parametersLink": {"uri": "https://example.org"},
                }
            },
            "InvalidContentLink",
            "Unable to download",
        ),
        ({"location": "westeurope", **body(template())}, "InvalidDeployment", "'location' property is not allowed"),
    ],
)
def test_bodies(azure: LocalAzure, given_body: dict[str, Any], code: str, words: str) -> None:
    for method, action in (("PUT", ""), ("POST", "/validate")):
        answer = azure.call(method, f"resources:deployments/d{action}", given_body, VERSION)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == code
        assert words in answer.json()["error"]["message"]


def test_names(azure: LocalAzure) -> None:
    answer = azure.call("PUT", f"resources:deployments/{'x' * 65}", body(template()), VERSION)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidDeploymentName")


def test_where_names_and_ids_may_stand(azure: LocalAzure) -> None:
    """``dependsOn`` by name, type and name, id, copy loop and symbol; functions of the template; time and guid."""
    depends = [
        "a",
        "Microsoft.Network/networkSecurityGroups/b",
        "[resourceId('Microsoft.Network/networkSecurityGroups', 'C')]",
        "loop",
    ]
    own = {
        "namespace": "my",
        "members": {
            "name": {
                "parameters": [{"name": "x", "type": "string"}],
                "output": {"type": "string", "value": "[concat(parameters('x'), '-end')]"},
            }
        },
    }
    wanted = template(
        security_group("last", dependsOn=depends, tags={"at": "[parameters('at')]", "id": "[parameters('id')]"}),
        security_group("a"),
        security_group("b"),
        security_group("c"),
        security_group("[my.name(string(copyIndex()))]", copy={"name": "loop", "count": 2}),
        functions=[own],
        parameters={
            "at": {"type": "string", "defaultValue": "[utcNow('yyyy-MM-dd')]"},
            "id": {"type": "string", "defaultValue": "[newGuid()]"},
        },
    )
    shown = azure.call("POST", "resources:deployments/d/validate", body(wanted), VERSION).json()["properties"]
    (entry,) = shown["dependencies"]
    assert [one["resourceName"] for one in entry["dependsOn"]] == ["a", "b", "c", "0-end", "1-end"]
    assert len(shown["parameters"]["at"]["value"]) == 10
    assert len(shown["parameters"]["id"]["value"]) == 36


def test_symbolic_names(azure: LocalAzure) -> None:
    wanted = {
        **template(languageVersion="2.0"),
        "resources": {
            "one": security_group("a"),
            "two": security_group("b", dependsOn=["one"], tags={"x": "[reference('one').resourceGuid]"}),
            "old": {**security_group("c"), "existing": True},
        },
    }
    shown = azure.call("POST", "resources:deployments/d/validate", body(wanted), VERSION).json()["properties"]
    assert [one["id"].rpartition("/")[2] for one in shown["validatedResources"]] == ["a", "b"]
    assert [one["resourceName"] for one in shown["dependencies"][0]["dependsOn"]] == ["a"]


def test_references_are_dependencies(azure: LocalAzure) -> None:
    account = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-01-01",
        "name": "abcdefghij",
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    tags = {"key": "[listKeys('abcdefghij', '2023-01-01').keys[0].keyName]"}
    wanted = template(security_group("a", tags=tags), account)
    shown = azure.call("POST", "resources:deployments/d/validate", body(wanted), VERSION).json()["properties"]
    (link,) = shown["dependencies"][0]["dependsOn"]
    assert link == {
        "id": azure.path("storage:storageAccounts/abcdefghij"),
        "resourceType": "Microsoft.Storage/storageAccounts",
        "resourceName": "abcdefghij",
        "actionName": "listKeys",
        "apiVersion": "2023-01-01",
    }


def test_comments_bare_names_and_commas_too_many(azure: LocalAzure) -> None:
    """As azure-cli sends a template's file: as it is, below a bare name."""
    text = json.dumps(template(security_group("a", tags={"x": "http://y, ]"}))).replace(
        "}]", "}, /* last */ ], // end\n"
    )
    wanted = f'{{"properties": {{"mode": "Incremental", template:{text}}}}}'
    answer = azure.client.post(
        azure.path("resources:deployments/d/validate"),
        params={"api-version": VERSION},
        content=wanted,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    other = azure.client.put(
        azure.path("disks/d"),
        params={"api-version": VERSION},
        content=wanted,
        headers={"content-type": "application/json"},
    )
    assert (other.status_code, other.json()["error"]["code"]) == (400, "InvalidRequestContent")


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text()), lambda inner: st.dictionaries(st.text(), inner), max_leaves=9
    )
)
def test_strict_json_is_left_as_it_is(value: Any) -> None:
    from azure_emulator.core.loose_json import strict

    assert json.loads(strict(json.dumps(value))) == value


_word = st.sampled_from(
    [
        "a",
        "b",
        "[copyIndex()]",
        "[parameters('p')]",
        "[variables('v')]",
        "[reference('a')]",
        "[concat('a')]",
        "",
        "[x",
        "loop",
    ]
)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 900), _word, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_word, inner, max_size=3)),
    max_leaves=8,
)
_loop = st.fixed_dictionaries(
    {}, optional={"name": st.one_of(_word, _json), "count": _json, "mode": _word, "batchSize": _json}
)
_resource = st.fixed_dictionaries(
    {
        "type": st.one_of(
            st.sampled_from(
                ["Microsoft.Network/networkSecurityGroups", "A.B/c/d", "x", "Microsoft.Resources/deployments"]
            ),
            _json,
        ),
        "name": st.one_of(_word, _json),
        "apiVersion": st.one_of(st.just("2023-04-01"), _json),
    },
    optional={
        "dependsOn": st.one_of(st.lists(_word, max_size=3), _json),
        "copy": st.one_of(_loop, _json),
        "condition": _json,
        "location": _json,
        "properties": _json,
        "scope": _json,
        "resourceGroup": _json,
        "tags": _json,
    },
)
_sections = {
    "parameters": st.one_of(
        st.dictionaries(
            _word,
            st.fixed_dictionaries(
                {"type": st.sampled_from(["string", "int", "x"])},
                optional={"defaultValue": _json, "minLength": _json, "allowedValues": _json},
            ),
            max_size=3,
        ),
        _json,
    ),
    "variables": st.one_of(st.dictionaries(st.sampled_from(["v", "copy", "w"]), _json, max_size=3), _json),
    "outputs": _json,
    "functions": _json,
    "definitions": _json,
}
_template = st.fixed_dictionaries(
    {
        "$schema": st.just("s"),
        "contentVersion": st.just("1"),
        "resources": st.one_of(st.lists(_resource, max_size=3), st.dictionaries(_word, _resource, max_size=3), _json),
    },
    optional=_sections,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    wanted=_template,
    values=st.dictionaries(_word, st.one_of(st.fixed_dictionaries({"value": _json}), _json), max_size=3),
)
def test_any_template_is_planned_or_refused(azure: LocalAzure, wanted: dict[str, Any], values: dict[str, Any]) -> None:
    answer = azure.call("POST", "resources:deployments/d/validate", body(wanted, values), VERSION)
    assert answer.status_code in (200, 400, 404), json.dumps(wanted)
    # What was found good is also deployed, or fails as a deployment does.
    if answer.status_code == 200:
        begun = azure.call("PUT", "resources:deployments/any", body(wanted, values), VERSION)
        assert begun.status_code in (200, 201, 409), json.dumps(wanted)
        status = azure.client.get(begun.headers["azure-asyncoperation"]) if begun.status_code < 300 else begun
        assert status.status_code < 500
        assert "InternalExecutionError" not in status.text, json.dumps(wanted)

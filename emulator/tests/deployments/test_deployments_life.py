# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments from beginning to end: states, failures, cancelling, the complete mode, nested templates."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from deployment_templates import (
    PASSWORD,
    begin,
    body,
    deploy,
    interface,
    network,
    operations,
    security_group,
    shown,
    status,
    template,
    whole_machine,
)

if TYPE_CHECKING:
    from azure_process import LocalAzure


def test_a_machine_with_all_it_needs(azure: LocalAzure) -> None:
    answer = begin(azure, whole_machine(), parameters=PASSWORD)
    assert answer.status_code == 201
    first = answer.json()
    assert first["properties"]["provisioningState"] == "Accepted"
    assert answer.headers["x-ms-correlation-request-id"] == first["properties"]["correlationId"]
    assert first["properties"]["parameters"] == {"adminPassword": {"type": "SecureString"}}
    assert [entry["resourceName"] for entry in first["properties"]["dependencies"]] == ["nic", "vm"]
    assert first["properties"]["providers"][0] == {
        "namespace": "Microsoft.Network",
        "resourceTypes": [
            {"resourceType": "virtualNetworks", "locations": ["westeurope"]},
            {"resourceType": "networkInterfaces", "locations": ["westeurope"]},
        ],
    }
    assert status(azure, answer) == {"status": "Succeeded"}
    done = shown(azure)
    machine_found = azure.get("virtualMachines/vm")
    assert done["outputs"] == {
        "principalId": {"type": "String", "value": machine_found["identity"]["principalId"]},
        "vmid": {"type": "String", "value": machine_found["properties"]["vmId"]},
    }
    assert [entry["id"].rpartition("/")[2] for entry in done["outputResources"]] == ["vm", "nic", "net"]
    assert {name: one["statusCode"] for name, one in operations(azure).items()} == {
        "net": "Created",
        "nic": "Created",
        "vm": "Created",
        "": "OK",
    }
    assert "Secret-12345" not in json.dumps(done) + answer.text


def test_again_with_the_same_name(azure: LocalAzure) -> None:
    first = begin(azure, template(security_group("a")))
    assert status(azure, first) == {"status": "Succeeded"}
    second = begin(azure, template(security_group("b")))
    assert (first.status_code, second.status_code) == (201, 200)
    assert status(azure, second) == {"status": "Succeeded"}
    assert azure.client.get(first.headers["azure-asyncoperation"]).json() == {"status": "Succeeded"}
    assert len(shown(azure)["outputResources"]) == 1


def test_a_deployment_takes_as_long_as_its_resources(azure: LocalAzure) -> None:
    azure.control("latency", "PUT", name="realistic")
    azure.control("clock", freeze=None)
    answer = begin(azure, whole_machine(), parameters=PASSWORD)
    url = answer.headers["azure-asyncoperation"]
    try:
        for seconds in (10, 20):
            azure.control("clock", advance=seconds)
            assert azure.client.get(url).json() == {"status": "Running"}
        assert azure.get("virtualMachines/vm")["properties"]["provisioningState"] == "Creating"
        azure.control("clock", advance=600)
        assert azure.client.get(url).json() == {"status": "Succeeded"}
    finally:
        azure.control("clock", run=True)
    spent = {name: one["duration"] for name, one in operations(azure).items() if name}
    seconds = {name: float(text[2:-1]) for name, text in spent.items()}
    assert seconds["vm"] >= 20
    assert float(shown(azure)["duration"][2:-1]) == pytest.approx(sum(seconds.values()))


def test_what_a_provider_refuses(azure: LocalAzure) -> None:
    bad = interface("bad", dependsOn=["net"])
    after = security_group("after", dependsOn=["bad"])
    bad["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] = azure.path(
        "network:virtualNetworks/net/subnets/absent"
    )
    answer = begin(azure, template(network(), bad, after))
    found = status(azure, answer)
    assert found["status"] == "Failed"
    assert found["error"]["code"] == "DeploymentFailed"
    (detail,) = found["error"]["details"]
    assert detail["code"] == "BadRequest"
    assert json.loads(detail["message"])["error"]["code"] == "InvalidResourceReference"
    assert shown(azure)["error"] == found["error"]
    assert "outputs" not in shown(azure)
    done = operations(azure)
    assert {name: one["provisioningState"] for name, one in done.items()} == {"net": "Succeeded", "bad": "Failed"}
    assert done["bad"]["statusMessage"]["error"]["code"] == "InvalidResourceReference"
    assert azure.call("GET", "network:networkSecurityGroups/after").status_code == 404


def test_later_versions_show_errors_as_objects(azure: LocalAzure) -> None:
    begun = begin(azure, template(network(location="nowhere")), version="2024-11-01")
    error = status(azure, begun)["error"]
    assert error["target"] == azure.path("resources:deployments/d")
    assert error["details"][0]["code"] == "LocationNotAvailableForResourceType"
    assert error["details"][0]["target"] == azure.path("network:virtualNetworks/net")


def test_a_resource_whose_operation_fails(azure: LocalAzure) -> None:
    azure.control("faults", "PUT", operations=[{"effect": "compute.vm.create", "code": "OSProvisioningTimedOut"}])
    found = status(azure, begin(azure, whole_machine(), parameters=PASSWORD))
    azure.control("faults", "PUT", operations=[])
    (detail,) = found["error"]["details"]
    assert detail["code"] == "Conflict"
    inner = json.loads(detail["message"])
    assert inner["status"] == "Failed"
    assert inner["error"]["code"] == "ResourceDeploymentFailure"
    assert inner["error"]["details"][0]["code"] == "OSProvisioningTimedOut"
    assert operations(azure)["vm"]["statusCode"] == "Conflict"


def test_a_type_that_does_not_exist(azure: LocalAzure) -> None:
    nothing = {"type": "Microsoft.Nothing/things", "apiVersion": "2020-01-01", "name": "x", "location": "westeurope"}
    found = status(azure, begin(azure, template(nothing)))
    (detail,) = found["error"]["details"]
    assert detail["code"] == "NotFound"
    error = json.loads(detail["message"])["error"]
    assert error["code"] == "InvalidResourceType"
    assert error["message"] == (
        "The resource type 'things' could not be found in the namespace 'Microsoft.Nothing' for api version '2020-01-01'."
    )


def test_one_of_a_name_at_a_time(azure: LocalAzure) -> None:
    azure.control("latency", "PUT", name="realistic")
    begun = begin(azure, whole_machine(), parameters=PASSWORD)
    assert begun.status_code == 201
    for method in ("PUT", "DELETE"):
        answer = azure.call(
            method, "resources:deployments/d", body(template()) if method == "PUT" else None, "2021-04-01"
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "DeploymentActive")


def test_cancelling_lets_what_has_begun_go_on(azure: LocalAzure) -> None:
    azure.control("latency", "PUT", name="realistic")
    azure.control("clock", freeze=None)
    begun = begin(azure, whole_machine(), parameters=PASSWORD)
    url = begun.headers["azure-asyncoperation"]
    try:
        assert azure.client.get(url).json() == {"status": "Running"}
        assert azure.call("POST", "resources:deployments/d/cancel", version="2021-04-01").status_code == 204
        assert azure.client.get(url).json()["status"] == "Canceled"
        azure.control("clock", advance=600)
        assert azure.get("network:virtualNetworks/net")["properties"]["provisioningState"] == "Succeeded"
        assert azure.call("GET", "network:networkInterfaces/nic").status_code == 404
        assert shown(azure)["provisioningState"] == "Canceled"
    finally:
        azure.control("clock", run=True)
    again = azure.call("POST", "resources:deployments/d/cancel", version="2021-04-01")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "DeploymentCannotBeCancelled")
    azure.control("latency", "PUT", name="fast")
    assert deploy(azure, whole_machine(), parameters=PASSWORD)["provisioningState"] == "Succeeded"


def test_reading_listing_and_deleting(azure: LocalAzure) -> None:
    assert azure.call("HEAD", "resources:deployments/d").status_code == 404
    missing = azure.call("GET", "resources:deployments/d")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "DeploymentNotFound")
    deploy(azure, template(security_group("a")), "one")
    deploy(azure, template(security_group("b", location="nowhere")), "two")
    assert azure.call("HEAD", "resources:deployments/one").status_code == 204
    assert [one["name"] for one in azure.get("resources:deployments")["value"]] == ["two", "one"]
    failed = azure.get("resources:deployments", **{"$filter": "provisioningState eq 'Failed'"})["value"]
    assert [one["name"] for one in failed] == ["two"]
    assert len(azure.get("resources:deployments", **{"$top": "1"})["value"]) == 1
    exported = azure.call("POST", "resources:deployments/one/exportTemplate").json()
    assert exported["template"]["resources"][0]["name"] == "a"
    operation = azure.get("resources:deployments/one/operations")["value"][0]
    assert azure.get(f"resources:deployments/one/operations/{operation['operationId']}") == operation
    old = azure.path("resources:deployments/one/operations").replace("/providers/Microsoft.Resources", "")
    assert azure.call("GET", old).json()["value"][0] == operation

    answer = azure.call("DELETE", "resources:deployments/one")
    assert answer.status_code == 202
    end = time.monotonic() + 20
    while answer.status_code == 202 and time.monotonic() < end:
        answer = azure.client.get(answer.headers["location"])
    assert answer.status_code == 204
    assert azure.call("DELETE", "resources:deployments/one").status_code == 204
    assert azure.get("network:networkSecurityGroups/a")["name"] == "a"


def test_a_reader_may_not_deploy(azure: LocalAzure) -> None:
    token = azure.client.headers["Authorization"]
    reader = json.loads((azure.data / "credentials.json").read_text())["reader"]
    form = {
        "grant_type": "client_credentials",
        "client_id": reader["client_id"],
        "client_secret": reader["secret"],
        "scope": f"{azure.url}/.default",
    }
    given = azure.client.post(f"/{azure.tenant}/oauth2/v2.0/token", data=form).json()["access_token"]
    azure.client.headers["Authorization"] = f"Bearer {given}"
    try:
        answer = begin(azure, template())
    finally:
        azure.client.headers["Authorization"] = token
    assert answer.status_code == 403
    assert "Microsoft.Resources/deployments/write" in answer.json()["error"]["message"]


def test_the_complete_mode_deletes_the_rest(azure: LocalAzure) -> None:
    deploy(azure, whole_machine(), parameters=PASSWORD)
    done = deploy(azure, template(security_group("kept")), mode="complete")
    assert (done["mode"], done["provisioningState"]) == ("Complete", "Succeeded")
    group = azure.get(f"/subscriptions/{azure.subscription}/resourceGroups/rg/resources", "2021-04-01")
    assert [one["name"] for one in group["value"] if not one["type"].endswith("/disks")] == ["kept"]
    deleted = [n for n, one in operations(azure).items() if one["provisioningOperation"] == "Delete"]
    assert {"vm", "nic", "net"} <= set(deleted)


def test_the_complete_mode_keeps_what_the_template_brought_about(azure: LocalAzure) -> None:
    """The disk that a machine manages, and what nested deployments made in the same group."""
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2021-04-01",
        "name": "inside",
        "properties": {"mode": "Incremental", "template": template(security_group("x", location="westeurope"))},
    }
    azure.put("network:networkSecurityGroups/named", {"location": "westeurope"})
    given = whole_machine()
    given["resources"] += [nested, {**security_group("named"), "existing": True}]
    for _ignored in range(2):
        done = deploy(azure, given, mode="Complete", parameters=PASSWORD)
        assert done["provisioningState"] == "Succeeded", done
        assert azure.get("network:networkSecurityGroups/x")["name"] == "x"
    assert len(azure.get("disks")["value"]) == 1
    # To refer to a resource is not to have it in the template.
    assert azure.call("GET", "network:networkSecurityGroups/named").status_code == 404


def test_loops_conditions_and_children(azure: LocalAzure) -> None:
    loop = security_group(
        "[format('g{0}', copyIndex())]",
        copy={"name": "groups", "count": 4, "mode": "serial", "batchSize": 2},
        tags={"n": "[string(copyIndex(10))]"},
    )
    never = security_group("never", condition="[equals(1, 2)]")
    last = security_group("last", dependsOn=["groups", "never"], tags="[reference('g1', '2023-04-01', 'Full').tags]")
    rule = {
        "type": "securityRules",
        "apiVersion": "2023-04-01",
        "name": "ssh",
        "dependsOn": ["last"],
        "properties": {
            "access": "Allow",
            "direction": "Inbound",
            "priority": 100,
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "22",
        },
    }
    outputs = {
        "names": {"type": "array", "copy": {"count": 4, "input": "[concat('g', copyIndex())]"}},
        "never": {"type": "string", "value": "x", "condition": False},
        "secret": {"type": "secureString", "value": "hidden"},
    }
    done = deploy(azure, template(loop, never, {**last, "resources": [rule]}, outputs=outputs))
    assert done["provisioningState"] == "Succeeded", done
    assert done["outputs"] == {
        "names": {"type": "Array", "value": ["g0", "g1", "g2", "g3"]},
        "secret": {"type": "SecureString"},
    }
    last_found = azure.get("network:networkSecurityGroups/last", "2023-04-01")
    assert last_found["tags"] == {"n": "11"}
    assert [one["name"] for one in last_found["properties"]["securityRules"]] == ["ssh"]
    assert azure.call("GET", "network:networkSecurityGroups/never").status_code == 404
    begun = {name: one["timestamp"] for name, one in operations(azure).items()}
    assert max(begun["g0"], begun["g1"]) <= min(begun["g2"], begun["g3"])


@pytest.mark.parametrize("scope", ["outer", "inner"])
def test_nested_templates(azure: LocalAzure, scope: str) -> None:
    outer = scope == "outer"
    inside = template(
        security_group("[variables('name')]" if outer else "[parameters('name')]", location="westeurope"),
        parameters={} if outer else {"name": {"type": "string"}},
        outputs={"id": {"type": "string", "value": "[resourceId('Microsoft.Network/networkSecurityGroups', 'n')]"}},
    )
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2021-04-01",
        "name": "inside",
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": scope},
            "template": inside,
            "parameters": {} if outer else {"name": {"value": "[variables('name')]"}},
        },
    }
    done = deploy(
        azure,
        template(
            nested,
            security_group("after", tags={"of": "[reference('inside').outputs.id.value]"}),
            variables={"name": "n"},
        ),
    )
    assert done["provisioningState"] == "Succeeded", done
    identity = azure.path("network:networkSecurityGroups/n")
    assert azure.get("network:networkSecurityGroups/after", "2023-04-01")["tags"] == {"of": identity}
    assert shown(azure, "inside")["provisioningState"] == "Succeeded"
    assert {"id": identity} in done["outputResources"]


def test_a_nested_deployment_that_is_cancelled_fails_all(azure: LocalAzure) -> None:
    azure.control("latency", "PUT", name="realistic")
    azure.control("clock", freeze=None)
    inside = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2021-04-01",
        "name": "inside",
        "properties": {"mode": "Incremental", "template": template(network(location="westeurope"))},
    }
    begun = begin(azure, template(inside))
    try:
        assert azure.client.get(begun.headers["azure-asyncoperation"]).json() == {"status": "Running"}
        assert azure.call("POST", "resources:deployments/inside/cancel", version="2021-04-01").status_code == 204
        azure.control("clock", advance=1)
        found = status(azure, begun)
    finally:
        azure.control("clock", run=True)
    assert found["status"] == "Failed"
    inner = json.loads(found["error"]["details"][0]["message"])
    assert (inner["status"], inner["error"]["code"]) == ("Canceled", "ResourceDeploymentFailure")
    assert inner["error"]["details"][0]["code"] == "DeploymentCanceled"


def test_a_nested_failure_fails_all(azure: LocalAzure) -> None:
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2021-04-01",
        "name": "inside",
        "properties": {"mode": "Incremental", "template": template(security_group("x", location="nowhere"))},
    }
    found = status(azure, begin(azure, template(nested)))
    inner = json.loads(found["error"]["details"][0]["message"])["error"]
    assert inner["code"] == "ResourceDeploymentFailure"
    assert inner["details"][0]["code"] == "DeploymentFailed"
    assert (
        json.loads(inner["details"][0]["details"][0]["message"])["error"]["code"]
        == "LocationNotAvailableForResourceType"
    )


def test_a_subscription(azure: LocalAzure) -> None:
    group = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2021-04-01",
        "name": "made",
        "location": "[deployment().location]",
    }
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2021-04-01",
        "name": "inside",
        "resourceGroup": "made",
        "dependsOn": ["made"],
        "properties": {"mode": "Incremental", "template": template(security_group("x", location="westeurope"))},
    }
    path = f"/subscriptions/{azure.subscription}/providers/Microsoft.Resources/deployments/d"
    answer = azure.call("PUT", path, {"location": "westeurope", **body(template(group, nested))}, "2021-04-01")
    assert answer.status_code == 201, answer.text
    assert answer.json()["location"] == "westeurope"
    assert status(azure, answer) == {"status": "Succeeded"}
    made = (
        f"/subscriptions/{azure.subscription}/resourceGroups/made/providers/Microsoft.Network/networkSecurityGroups/x"
    )
    assert azure.call("GET", made).status_code == 200
    listed = azure.get(path.removesuffix("/d"), "2021-04-01")["value"]
    assert [one["name"] for one in listed] == ["d"]


def test_outputs_that_cannot_be_computed(azure: LocalAzure) -> None:
    outputs = {
        "good": {"type": "string", "value": "x"},
        "bad": {"type": "string", "value": "[reference('a').absent]"},
        "wrong": {"type": "int", "value": "x"},
    }
    found = status(azure, begin(azure, template(security_group("a"), outputs=outputs)))
    assert found["error"]["code"] == "DeploymentOutputEvaluationFailed"
    assert [detail["target"] for detail in found["error"]["details"]] == ["bad", "wrong"]
    assert azure.get("network:networkSecurityGroups/a")["name"] == "a"


def test_a_group_that_goes_away_takes_its_deployments_along(azure: LocalAzure) -> None:
    azure.make_group("doomed")
    azure.control("latency", "PUT", name="realistic", seconds={"resources.group.delete": 0})
    path = f"/subscriptions/{azure.subscription}/resourceGroups/doomed"
    one = f"{path}/providers/Microsoft.Resources/deployments/d"
    assert azure.call("PUT", one, body(whole_machine(), PASSWORD), "2021-04-01").status_code == 201
    azure.call("DELETE", path, version="2021-04-01")
    end = time.monotonic() + 20
    while azure.call("GET", path, version="2021-04-01").status_code != 404:
        assert time.monotonic() < end
        time.sleep(0.05)
    azure.make_group("doomed")
    assert azure.call("GET", one).status_code == 404

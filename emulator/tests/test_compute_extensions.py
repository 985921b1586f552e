# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extensions, run command and managed run commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION, from_marketplace, generalize, machine, make_machine, os_profile

if TYPE_CHECKING:
    from azure_process import LocalAzure

VM = "virtualMachines/vm"


def extension(kind: str = "CustomScript", version: str = "2.1", **properties: Any) -> dict[str, Any]:
    publisher = "Microsoft.Azure.Extensions" if kind == "CustomScript" else "Microsoft.OSTCExtensions"
    body = {"publisher": publisher, "type": kind, "typeHandlerVersion": version, "autoUpgradeMinorVersion": True}
    return {"location": LOCATION, "properties": {**body, **properties}}


def windows_machine(azure: LocalAzure) -> None:
    reference = {
        "publisher": "MicrosoftWindowsServer",
        "offer": "WindowsServer",
        "sku": "2022-datacenter",
        "version": "latest",
    }
    storage = {"imageReference": reference, "osDisk": {"createOption": "FromImage"}}
    azure.put(VM, machine(azure, "vm", storage, osProfile=os_profile("vm")))


def test_extension_life(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    body = extension(settings={"commandToExecute": "true"}, protectedSettings={"secret": "hidden"})
    made = azure.call("PUT", f"{VM}/extensions/script", body)
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Creating")
    assert made.headers["azure-asyncnotification"] == "Enabled"
    azure.done(made)
    found = azure.get(f"{VM}/extensions/script")
    assert found["properties"] == {**made.json()["properties"], "provisioningState": "Succeeded"}
    assert "hidden" not in made.text
    assert azure.get(VM)["resources"] == [found]
    assert azure.get("virtualMachines")["value"][0]["resources"] == [{"id": found["id"]}]
    view = azure.get(f"{VM}/instanceView")
    assert view["extensions"][0]["type"] == "Microsoft.Azure.Extensions.CustomScript"
    assert view["extensions"][0]["typeHandlerVersion"] == "2.1.13"
    assert view["vmAgent"]["extensionHandlers"][0]["status"]["displayStatus"] == "Ready"
    expanded = azure.get(f"{VM}/extensions/script", **{"$expand": "instanceView"})
    assert expanded["properties"]["instanceView"]["statuses"][0]["code"] == "ProvisioningState/succeeded"
    change = azure.call("PATCH", f"{VM}/extensions/script", {"properties": {"settings": {"commandToExecute": "false"}}})
    assert (change.status_code, change.json()["properties"]["provisioningState"]) == (200, "Updating")
    azure.done(change)
    assert azure.get(f"{VM}/extensions")["value"][0]["properties"]["settings"] == {"commandToExecute": "false"}
    gone = azure.call("DELETE", f"{VM}/extensions/script")
    assert gone.status_code == 202
    azure.done(gone)
    assert "resources" not in azure.get(VM)
    assert azure.call("DELETE", f"{VM}/extensions/script").status_code == 204
    assert azure.refused("GET", f"{VM}/extensions/script")[:2] == (404, "ResourceNotFound")


def test_extensions_go_with_their_machine(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.put(f"{VM}/extensions/script", extension())
    azure.done(azure.call("DELETE", VM))
    assert azure.refused("GET", f"{VM}/extensions/script")[:2] == (404, "ParentResourceNotFound")
    make_machine(azure, "vm", from_marketplace())
    assert azure.get(f"{VM}/extensions")["value"] == []


def test_extensions_need_a_running_machine(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.put(f"{VM}/extensions/script", extension())
    azure.post(f"{VM}/deallocate")
    expected = (409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.")
    assert azure.refused("PUT", f"{VM}/extensions/script", extension()) == expected
    assert azure.refused("DELETE", f"{VM}/extensions/script") == expected
    assert "extensions" not in azure.get(f"{VM}/instanceView")
    assert len(azure.get(VM)["resources"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (extension(type="NoSuchThing"), 404, "ArtifactNotFound"),
        (extension(version="9.9"), 404, "ArtifactVersionNotFound"),
        (extension(version="two"), 404, "ArtifactVersionNotFound"),
        (extension(version="9" * 5000), 404, "ArtifactVersionNotFound"),
        (extension(publisher="Microsoft.Compute", type="CustomScriptExtension", version="1.10"), 400, "BadRequest"),
        (extension(type=None), 400, "InvalidParameter"),
        ({"location": LOCATION}, 400, "InvalidParameter"),
        (extension() | {"location": "eastus"}, 409, "InvalidResourceLocation"),
    ],
)
def test_extensions_that_are_refused(azure: LocalAzure, body: dict[str, Any], status: int, code: str) -> None:
    make_machine(azure, "vm", from_marketplace())
    assert azure.refused("PUT", f"{VM}/extensions/script", body)[:2] == (status, code)


def test_one_extension_per_handler(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    azure.put(f"{VM}/extensions/script", extension())
    status, code, text = azure.refused("PUT", f"{VM}/extensions/other", extension())
    assert (status, code) == (400, "BadRequest")
    assert text.startswith("Multiple VMExtensions per handler not supported for OS type 'Linux'. VMExtension 'other'")


def test_no_extensions_without_an_agent(azure: LocalAzure) -> None:
    profile = os_profile("vm", allowExtensionOperations=False)
    make_machine(azure, "vm", from_marketplace(), osProfile=profile)
    text = azure.refused("PUT", f"{VM}/extensions/script", extension())[2]
    assert "when extension operations are disallowed" in text


def test_extension_catalogue(azure: LocalAzure) -> None:
    where = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/westeurope/publishers"
    types = f"{where}/microsoft.azure.extensions/artifacttypes/vmextension/types"
    names = [item["name"] for item in azure.call("GET", types).json()]
    assert names == ["CustomScript", "DockerExtension"]
    versions = f"{types}/CustomScript/versions"
    newest = azure.call("GET", versions, **{"$top": "1", "$orderby": "name desc"}).json()
    assert [item["name"] for item in newest] == ["2.1.13"]
    assert azure.get(f"{versions}/2.1.13")["properties"]["operatingSystem"] == "Linux"
    for top in ("x", "9" * 5000):
        assert azure.call("GET", versions, **{"$top": top}).status_code == 400
    filtered = azure.call("GET", versions, **{"$filter": "startswith(name,'2.0')"}).json()
    assert [item["name"] for item in filtered] == ["2.0.7"]
    assert azure.refused("GET", f"{where}/nobody/artifacttypes/vmextension/types")[:2] == (404, "NotFound")
    assert "Microsoft.Azure.Extensions" in [item["name"] for item in azure.call("GET", where).json()]


def test_run_command(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    body = {"commandId": "RunShellScript", "script": ["waagent -deprovision+user -force"], "parameters": []}
    answer = azure.call("POST", f"{VM}/runCommand", body)
    assert (answer.status_code, answer.content) == (202, b"")
    output = azure.done(answer)["properties"]["output"]
    assert [item["code"] for item in output["value"]] == ["ProvisioningState/succeeded"]
    assert output["value"][0]["message"] == "Enable succeeded: \n[stdout]\n\n[stderr]\n"
    assert azure.client.get(answer.headers["location"]).json() == output


def test_run_command_in_windows(azure: LocalAzure) -> None:
    windows_machine(azure)
    output = azure.post(f"{VM}/runCommand", {"commandId": "RunPowerShellScript", "script": ["hostname"]})
    codes = [item["code"] for item in output["value"]]
    assert codes == ["ComponentStatus/StdOut/succeeded", "ComponentStatus/StdErr/succeeded"]
    assert azure.refused("POST", f"{VM}/runCommand", {"commandId": "RunShellScript"})[:2] == (400, "InvalidParameter")


def test_run_command_is_refused(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    body = {"commandId": "RunShellScript", "script": ["true"]}
    assert azure.refused("POST", f"{VM}/runCommand", {"script": ["true"]})[:2] == (400, "InvalidParameter")
    assert azure.refused("POST", f"{VM}/runCommand", {"commandId": "nonsense"})[:2] == (404, "NotFound")
    azure.control("latency", "PUT", seconds={"compute.vm.*": 60})
    try:
        assert azure.call("POST", f"{VM}/runCommand", body).status_code == 202
        assert azure.refused("POST", f"{VM}/runCommand", body)[:2] == (409, "Conflict")
    finally:
        azure.control("latency", "PUT", name="fast")
        azure.control("clock", advance=61)
    generalize(azure, "vm")
    text = "The operation requires the VM to be running (or set to run)."
    assert azure.refused("POST", f"{VM}/runCommand", body) == (409, "OperationNotAllowed", text)
    assert azure.refused("POST", "virtualMachines/none/runCommand", body)[:2] == (404, "ResourceNotFound")


def test_run_command_catalogue(azure: LocalAzure) -> None:
    where = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/locations/westeurope/runCommands"
    listed = azure.get(where)["value"]
    assert {"$schema", "id", "osType", "label", "description"} == set(listed[0])
    shell = azure.get(f"{where}/runshellscript")
    assert (shell["id"], [p["name"] for p in shell["parameters"]]) == ("RunShellScript", ["arg1", "arg2"])
    assert azure.refused("GET", f"{where}/none")[:2] == (404, "NotFound")


def test_managed_run_command(azure: LocalAzure) -> None:
    make_machine(azure, "vm", from_marketplace())
    source = {"script": "echo hello"}
    secret = [{"name": "password", "value": "hidden"}]
    body = {
        "location": LOCATION,
        "properties": {"source": source, "protectedParameters": secret, "asyncExecution": True},
    }
    answer = azure.call("PUT", f"{VM}/runCommands/one", body)
    assert (answer.status_code, "hidden" in answer.text) == (201, False)
    azure.done(answer)
    found = azure.get(f"{VM}/runCommands/one")
    assert found["properties"]["source"] == source
    assert found["properties"]["provisioningState"] == "Succeeded"
    view = azure.get(f"{VM}/runCommands/one", **{"$expand": "instanceView"})["properties"]["instanceView"]
    assert (view["executionState"], view["exitCode"], view["output"]) == ("Succeeded", 0, "")
    assert "endTime" in view
    azure.control("latency", "PUT", seconds={"compute.vm.*": 60})
    try:
        again = azure.call("PATCH", f"{VM}/runCommands/one", {"properties": {"timeoutInSeconds": 60}})
        view = azure.get(f"{VM}/runCommands/one", **{"$expand": "instanceView"})["properties"]["instanceView"]
        assert (view["executionState"], "endTime" in view) == ("Running", False)
    finally:
        azure.control("latency", "PUT", name="fast")
        azure.control("clock", advance=61)
    azure.done(again)
    assert azure.get(f"{VM}/runCommands")["value"][0]["properties"]["timeoutInSeconds"] == 60
    both = {"properties": {"source": {"script": "x", "commandId": "RunShellScript"}}}
    assert azure.refused("PUT", f"{VM}/runCommands/two", both)[:2] == (400, "InvalidParameter")
    azure.post(f"{VM}/powerOff")
    assert azure.refused("PUT", f"{VM}/runCommands/two", body)[:2] == (409, "OperationNotAllowed")
    azure.post(f"{VM}/start")
    azure.done(azure.call("DELETE", f"{VM}/runCommands/one"))
    assert azure.refused("GET", f"{VM}/runCommands/one")[:2] == (404, "ResourceNotFound")

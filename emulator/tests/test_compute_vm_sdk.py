# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines, extensions, run command and the Marketplace with the Azure SDK for Python, unmodified."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION, from_marketplace, machine, os_profile

if TYPE_CHECKING:
    from azure_process import LocalAzure
    from sdk_client import Sdk


def posted(operation: Any, *names: str, body: dict[str, Any]) -> Any:
    return operation("rg", *names, json.dumps(body).encode(), content_type="application/json").result()


def test_a_machine_with_the_sdk(azure: LocalAzure, sdk: Sdk) -> None:
    machines = sdk.compute.virtual_machines
    wanted = machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))
    made = sdk.write(machines.begin_create_or_update, "vm", body=wanted)
    assert made.provisioning_state == "Succeeded"
    publisher = {"publisher": "Microsoft.Azure.Extensions", "type": "CustomScript", "typeHandlerVersion": "2.1"}
    extension = {"location": LOCATION, "properties": {**publisher, "settings": {"commandToExecute": "true"}}}
    done = sdk.write(sdk.compute.virtual_machine_extensions.begin_create_or_update, "vm", "script", body=extension)
    assert done.provisioning_state == "Succeeded"
    script = {"commandId": "RunShellScript", "script": ["true"]}
    result = posted(machines.begin_run_command, "vm", body=script)
    assert result.value[0].message.startswith("Enable succeeded")
    managed = {"location": LOCATION, "properties": {"source": {"script": "true"}}}
    command = sdk.write(sdk.compute.virtual_machine_run_commands.begin_create_or_update, "vm", "one", body=managed)
    assert command.provisioning_state == "Succeeded"
    view = machines.instance_view("rg", "vm")
    assert view.extensions[0].name == "script"
    assert machines.begin_assess_patches("rg", "vm").result().status == "Succeeded"
    machines.begin_reimage("rg", "vm").result()
    machines.begin_redeploy("rg", "vm").result()
    machines.begin_reapply("rg", "vm").result()
    assert {size.name for size in machines.list_available_sizes("rg", "vm")} >= {"Standard_DS1_v2"}
    assert [vm.name for vm in machines.list_by_location(LOCATION)] == ["vm"]
    machines.begin_deallocate("rg", "vm").result()
    machines.begin_delete("rg", "vm", force_deletion=True).result()
    assert list(machines.list("rg")) == []


def test_the_marketplace_with_the_sdk(azure: LocalAzure, sdk: Sdk) -> None:
    images = sdk.compute.virtual_machine_images
    assert "Canonical" in {found.name for found in images.list_publishers(LOCATION)}
    assert "debian-12" in {found.name for found in images.list_offers(LOCATION, "Debian")}
    assert "12" in {found.name for found in images.list_skus(LOCATION, "Debian", "debian-12")}
    versions = images.list(LOCATION, "Debian", "debian-12", "12", top=1, orderby="name desc")
    found = images.get(LOCATION, "Debian", "debian-12", "12", versions[0].name)
    assert (found.hyper_v_generation, found.architecture) == ("V1", "x64")
    extensions = sdk.compute.virtual_machine_extension_images
    assert "CustomScript" in {found.name for found in extensions.list_types(LOCATION, "Microsoft.Azure.Extensions")}
    usages = {usage.name.value: usage for usage in sdk.compute.usage.list(LOCATION)}
    assert usages["cores"].limit == 10_000
    skus = list(sdk.compute.resource_skus.list(filter=f"location eq '{LOCATION}'"))
    assert any(sku.name == "Standard_D2s_v5" for sku in skus)
    commands = {found.id for found in sdk.compute.virtual_machine_run_commands.list(LOCATION)}
    assert {"RunShellScript", "RunPowerShellScript"} <= commands


def test_conditions_with_the_sdk(azure: LocalAzure, sdk: Sdk) -> None:
    from azure.core import MatchConditions
    from azure.core.exceptions import HttpResponseError

    machines = sdk.compute.virtual_machines
    wanted = json.dumps(machine(azure, "vm", from_marketplace(), osProfile=os_profile("vm"))).encode()
    options: dict[str, Any] = {"content_type": "application/json"}
    try:
        machines.begin_create_or_update(
            "rg", "vm", wanted, match_condition=MatchConditions.IfMissing, **options
        ).result()
        absent: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    except TypeError:  # releases before 38 name the header
        machines.begin_create_or_update("rg", "vm", wanted, if_none_match="*", **options).result()
        absent = {"if_none_match": "*"}
    with pytest.raises(HttpResponseError) as caught:
        machines.begin_create_or_update("rg", "vm", wanted, **absent, **options).result()
    assert caught.value.status_code == 412

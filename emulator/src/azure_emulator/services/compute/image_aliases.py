# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of image aliases (``Ubuntu2204``) that the cloud's metadata name and Azure CLI reads [documented]."""

from __future__ import annotations

from azure_emulator.core.context import Context, Reply
from azure_emulator.core.routing import UNVERSIONED, Route, documented
from azure_emulator.services.compute.catalogue import find

#: Alias: publisher, offer and SKU.
_ALIASES = {
    "CentOS85Gen2": "OpenLogic:CentOS:8_5-gen2",
    "Debian11": "Debian:debian-11:11-backports-gen2",
    "FlatcarLinuxFreeGen2": "kinvolk:flatcar-container-linux-free:stable-gen2",
    "OpenSuseLeap154Gen2": "SUSE:openSUSE-leap-15-4:gen2",
    "RHELRaw8LVMGen2": "RedHat:RHEL:8-lvm-gen2",
    "SuseSles15SP5": "SUSE:sles-15-sp5:gen2",
    "Ubuntu2204": "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2",
    "Ubuntu2404": "Canonical:ubuntu-24_04-lts:server",
    "Win2022Datacenter": "MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2",
    "Win2022AzureEditionCore": "MicrosoftWindowsServer:WindowsServer:2022-datacenter-azure-edition-core",
    "Win2019Datacenter": "MicrosoftWindowsServer:WindowsServer:2019-datacenter-gensecond",
    "Win2016Datacenter": "MicrosoftWindowsServer:WindowsServer:2016-datacenter-gensecond",
    "Win2012R2Datacenter": "MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter",
    "Win2012Datacenter": "MicrosoftWindowsServer:WindowsServer:2012-Datacenter",
}
_SCHEMA = "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"


def _aliases(_ctx: Context) -> Reply:
    """A template without resources, whose output is the aliases by system; only of images that are in the catalogue."""
    systems: dict[str, dict[str, dict[str, str]]] = {"Linux": {}, "Windows": {}}
    for alias, name in _ALIASES.items():
        publisher, offer, short = name.split(":")
        if sku := find(publisher, offer, short):
            reference = {"publisher": publisher, "offer": offer, "sku": short, "version": "latest"}
            systems[sku.os_type][alias] = reference | {"architecture": sku.architecture}
    body = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "variables": {},
        "resources": [],
        "outputs": {"aliases": {"type": "object", "value": systems}},
    }
    return Reply(200, body)


ROUTES = [
    Route(
        "GET",
        "/metadata/aliases.json",
        _aliases,
        api_versions=UNVERSIONED,
        anonymous=True,
        evidence=documented("2026-11-25"),
    )
]

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance metadata service, as far as a guest needs it to provision itself.

Documented behaviour: a request without the header ``Metadata: true`` or with ``X-Forwarded-For`` is refused, and so
is an unknown api-version, with the list of those it may use. Field names and value types (all of ``compute`` are
strings or null) are those of the published instance document.
"""

from __future__ import annotations

import json
from typing import Any

from azure_emulator.guests.model import Answer, Guest, Request

API_VERSIONS = ("2019-06-01", "2020-09-01", "2021-01-01", "2021-02-01", "2021-03-01", "2021-08-01", "2021-12-13")
EXTENDED_SINCE = "2021-03-01"


def compute(guest: Guest) -> dict[str, Any]:
    has_no_password = str(guest.admin_password is None).lower()
    return {
        "azEnvironment": "AzurePublicCloud",
        "customData": "",
        "location": guest.location,
        "name": guest.vm_name,
        "offer": "",
        "osProfile": {
            "adminUsername": guest.admin_username,
            "computerName": guest.computer_name,
            "disablePasswordAuthentication": has_no_password,
        },
        "osType": "Linux",
        "placementGroupId": "",
        "plan": {"name": "", "product": "", "publisher": ""},
        "platformFaultDomain": "0",
        "platformUpdateDomain": "0",
        "provider": "Microsoft.Compute",
        "publicKeys": [{"keyData": key, "path": guest.key_path} for key in guest.ssh_keys],
        "publisher": "",
        "resourceGroupName": guest.resource_group,
        "resourceId": guest.resource_id,
        "sku": "",
        "subscriptionId": guest.subscription_id,
        "tags": ";".join(f"{name}:{value}" for name, value in guest.tags),
        "tagsList": [{"name": name, "value": value} for name, value in guest.tags],
        "userData": "",
        "version": "",
        "vmId": guest.vm_id,
        "vmScaleSetName": "",
        "vmSize": guest.vm_size,
        "zone": guest.zone,
    }


def network(guest: Guest) -> dict[str, Any]:
    return {
        "interface": [
            {
                "ipv4": {
                    "ipAddress": [{"privateIpAddress": guest.private_ip, "publicIpAddress": ""}],
                    "subnet": [{"address": "168.63.128.0", "prefix": "24"}],
                },
                "ipv6": {"ipAddress": []},
                "macAddress": guest.mac_address.replace(":", "").upper(),
            }
        ]
    }


def instance(guest: Guest, *, extended: bool) -> dict[str, Any]:
    document: dict[str, Any] = {"compute": compute(guest), "network": network(guest)}
    if extended:
        has_data = guest.custom_data is not None
        document["extended"] = {"compute": {"hasCustomData": has_data, "ppsType": "None"}}
    return document


def respond(guest: Guest, request: Request) -> Answer:
    """Answer one request of the guest."""
    if request.headers.get("metadata", "").lower() != "true" or "x-forwarded-for" in request.headers:
        return _error(400, "Bad request. Required metadata header not specified")
    if request.method != "GET":
        return _error(405, "Method not allowed")
    if request.path == "/metadata/versions":
        return _json(200, {"apiVersions": list(API_VERSIONS)})
    version = request.query.get("api-version")
    if version not in API_VERSIONS:
        reason = "Bad request. api-version is invalid or was not specified in the request."
        return _json(400, {"error": reason, "newest-versions": list(reversed(API_VERSIONS))[:3]})
    parts = [part for part in request.path.split("/") if part]
    if parts[:2] != ["metadata", "instance"]:
        return _error(404, "Not found")
    extended = request.query.get("extended") == "true" and version >= EXTENDED_SINCE
    return _select(instance(guest, extended=extended), parts[2:], as_text=request.query.get("format") == "text")


def _select(document: Any, path: list[str], *, as_text: bool) -> Answer:
    for part in path:
        if isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return _error(404, "Not found")
    if as_text and isinstance(document, str):
        return Answer(200, "text/plain; charset=utf-8", document.encode())
    return _json(200, document)


def _error(status: int, text: str) -> Answer:
    return _json(status, {"error": text})


def _json(status: int, document: Any) -> Answer:
    return Answer(status, "application/json; charset=utf-8", json.dumps(document).encode())

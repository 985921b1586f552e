# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications in galleries and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION
from gallery_bodies import MID, make_gallery

if TYPE_CHECKING:
    from azure_process import LocalAzure

APPLICATION = "galleries/g/applications/a"
VERSION = f"{APPLICATION}/versions/1.0.0"
LINK = "https://account.blob.core.windows.net/container/package"


def package(**profile: Any) -> dict[str, Any]:
    wanted = {"source": {"mediaLink": LINK}, "manageActions": {"install": "install", "remove": "remove"}, **profile}
    return {"location": LOCATION, "properties": {"publishingProfile": wanted}}


@pytest.fixture
def application(azure: LocalAzure) -> dict[str, Any]:
    make_gallery(azure)
    answer = azure.call(
        "PUT", APPLICATION, {"location": LOCATION, "properties": {"supportedOSType": "Windows"}}, "2021-07-01"
    )
    assert answer.status_code == 201
    assert "azure-asyncoperation" not in answer.headers
    found: dict[str, Any] = answer.json()
    return found


def test_an_application_is_there_at_once(azure: LocalAzure, application: dict[str, Any]) -> None:
    assert application["properties"] == {"supportedOSType": "Windows"}
    assert azure.get(APPLICATION) == application
    body = {"location": LOCATION, "properties": {"supportedOSType": "Linux"}}
    assert azure.refused("PUT", APPLICATION, body)[1] == "PropertyChangeNotAllowed"
    patched = azure.call("PATCH", APPLICATION, {"properties": {"description": "d"}})
    assert patched.json()["properties"] == {"supportedOSType": "Windows", "description": "d"}
    assert [found["name"] for found in azure.get("galleries/g/applications")["value"]] == ["a"]
    missing = azure.refused("PUT", "galleries/g/applications/b", {"location": LOCATION})
    assert "supportedOSType" in missing[2]


@pytest.mark.usefixtures("application")
def test_a_version_of_an_application(azure: LocalAzure) -> None:
    answer = azure.call("PUT", VERSION, package(), "2021-07-01")
    assert answer.status_code == 201
    profile = answer.json()["properties"]["publishingProfile"]
    profile.pop("publishedDate")
    assert profile == {
        "source": {"mediaLink": LINK},
        "manageActions": {"install": "install", "remove": "remove"},
        "enableHealthCheck": False,
        "targetRegions": [{"name": "West Europe", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}],
        "replicaCount": 1,
        "excludeFromLatest": False,
        "storageAccountType": "Standard_LRS",
    }
    assert azure.done(answer)["status"] == "Succeeded"
    updated = azure.call("PUT", VERSION, package() | {"tags": {"a": "b"}}, MID)
    assert (updated.status_code, updated.json()["properties"]["provisioningState"]) == (200, "Updating")
    azure.done(updated)
    found = azure.get(VERSION, MID, **{"$expand": "ReplicationStatus"})
    assert found["properties"]["replicationStatus"]["aggregatedState"] == "Completed"
    for wanted, kept in ((True, True), (None, True), (False, False)):
        body = {"properties": {"safetyProfile": {"allowDeletionOfReplicatedLocations": wanted}}}
        azure.done(azure.call("PATCH", VERSION, body, MID))
        assert azure.get(VERSION, MID)["properties"]["safetyProfile"] == {"allowDeletionOfReplicatedLocations": kept}
    assert azure.refused("PUT", VERSION, package(source={"mediaLink": f"{LINK}2"}))[1] == "PropertyChangeNotAllowed"
    assert azure.refused("DELETE", APPLICATION)[1] == "CannotDeleteResource"
    for short in (VERSION, APPLICATION, "galleries/g"):
        azure.done(azure.call("DELETE", short))
        assert azure.call("GET", short).status_code == 404


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ({"source": {}}, "source.mediaLink' is missing"),
        ({"source": {"mediaLink": "file"}}, "source.mediaLink is invalid."),
        ({"manageActions": {"install": "x"}}, "manageActions.remove' is missing"),
        ({"manageActions": {"install": "x" * 4097, "remove": "x"}}, "exceeds the limit of 4096 characters"),
    ],
)
def test_packages_are_checked(azure: LocalAzure, profile: dict[str, Any], text: str) -> None:
    status, code, found = azure.refused("PUT", VERSION, package(**profile))
    assert (status, code) == (400, "InvalidParameter")
    assert text in found

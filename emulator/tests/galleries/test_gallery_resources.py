# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galleries and image definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from compute_bodies import LOCATION
from gallery_bodies import ENDING, MID, OLD, TRUSTED, definition, make_definition, make_gallery, make_version

if TYPE_CHECKING:
    from azure_process import LocalAzure


def test_a_gallery_is_created_and_updated_as_recorded(azure: LocalAzure) -> None:
    answer = azure.call("PUT", "galleries/My_Gallery", {"location": "West Europe", "tags": {}}, OLD)
    assert answer.status_code == 201
    assert "azure-asyncnotification" not in answer.headers
    assert answer.json() == {
        "name": "My_Gallery",
        "id": azure.path("galleries/My_Gallery"),
        "type": "Microsoft.Compute/galleries",
        "location": LOCATION,
        "tags": {},
        "properties": {
            "identifier": {"uniqueName": f"{azure.subscription}-MY_GALLERY"},
            "provisioningState": "Creating",
        },
    }
    assert azure.done(answer)["status"] == "Succeeded"
    body = {"location": LOCATION, "properties": {"description": "d", "identifier": {}}}
    updated = azure.call("PUT", "galleries/my_gallery", body, TRUSTED)
    assert updated.status_code == 200
    assert updated.headers["azure-asyncnotification"] == "Enabled"
    assert updated.json()["properties"]["provisioningState"] == "Updating"
    assert azure.done(updated)["status"] == "Succeeded"
    old = azure.call("PUT", "galleries/my_gallery", body, OLD)
    assert (old.status_code, old.json()["properties"]["provisioningState"]) == (200, "Succeeded")
    assert azure.get("galleries/MY_GALLERY")["properties"]["description"] == "d"
    patched = azure.call("PATCH", "galleries/My_Gallery", {"tags": {"a": "b"}})
    assert (patched.status_code, patched.json()["properties"]["description"]) == (200, "d")
    assert azure.get("galleries/My_Gallery")["tags"] == {"a": "b"}


def test_lists_write_the_group_in_capitals(azure: LocalAzure) -> None:
    make_gallery(azure)
    everywhere = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute/galleries"
    for listing in (azure.get("galleries"), azure.get(everywhere)):
        assert [found["id"] for found in listing["value"]] == [azure.path("galleries/g").replace("/rg/", "/RG/")]


@pytest.mark.parametrize("name", ["with-dash", "_start", "a" * 81, "sp ace"])
def test_wrong_names_of_galleries(azure: LocalAzure, name: str) -> None:
    status, code, text = azure.refused("PUT", f"galleries/{name}", {"location": LOCATION})
    assert (status, code) == (400, "InvalidParameter")
    assert text.startswith("Gallery name is invalid. Allowed characters are English alphanumeric characters")


def test_the_ends_of_names(azure: LocalAzure) -> None:
    """Galleries may end with an underscore, definitions may not."""
    make_gallery(azure, "g_")
    for name, short in (
        ("x.", "galleries/x."),
        ("g_/d.", "galleries/g_/images/d."),
        ("g_/d_", "galleries/g_/images/d_"),
    ):
        status, code, text = azure.refused("PUT", short, definition())
        assert (status, code) == (400, "InvalidResourceName")
        ending = (
            f"has these invalid trailing characters: '{name[-1]}'. The name can not end with characters: '{name[-1]}'"
        )
        assert text == f"The provided resource name {name} {ending}"


def test_names_of_galleries_are_unique_in_the_subscription(azure: LocalAzure) -> None:
    make_gallery(azure)
    azure.make_group("other")
    elsewhere = azure.path("galleries/G").replace("/rg/", "/other/")
    status, _code, text = azure.refused("PUT", elsewhere, {"location": LOCATION})
    assert status == 409
    assert text.startswith(f"The gallery name 'G' is not unique within the subscription '{azure.subscription}'.")
    assert azure.refused("PUT", "galleries/g", {"location": "westus"})[:2] == (409, "InvalidResourceLocation")


def test_the_soft_delete_policy_is_kept(azure: LocalAzure) -> None:
    policy = {"isSoftDeleteEnabled": True, "retentionPeriodInDays": 30, "gracePeriodInDays": 7}
    body = {"location": LOCATION, "properties": {"softDeletePolicy": policy}}
    assert azure.put("galleries/g", body, ENDING)["properties"]["softDeletePolicy"] == policy
    body["properties"] = {"softDeletePolicy": {"retentionPeriodInDays": 31}}
    changed = azure.put("galleries/g", body, ENDING)["properties"]["softDeletePolicy"]
    assert changed == {**policy, "retentionPeriodInDays": 31}
    assert "softDeletePolicy" not in azure.get("galleries/g", OLD)["properties"]


def test_a_definition_is_created_as_recorded(azure: LocalAzure) -> None:
    make_gallery(azure)
    body = definition(hyperVGeneration="V1", disallowed={}, features=[], recommended={"vCPUs": {"max": 25}})
    answer = azure.call("PUT", "galleries/g/images/d", body, OLD)
    assert answer.status_code == 201
    assert answer.json()["properties"] == {
        "hyperVGeneration": "V1",
        "osType": "Linux",
        "osState": "Generalized",
        "identifier": {"publisher": "pub", "offer": "offer", "sku": "sku"},
        "recommended": {"vCPUs": {"max": 25}},
        "provisioningState": "Creating",
    }
    assert azure.done(answer)["status"] == "Succeeded"
    body["properties"]["recommended"] = {"vCPUs": {"min": 2, "max": 25}}
    updated = azure.call("PUT", "galleries/g/images/d", body, OLD)
    assert (updated.status_code, updated.json()["properties"]["provisioningState"]) == (200, "Updating")
    azure.done(updated)
    found = azure.get("galleries/g/images", MID)["value"]
    assert [item["properties"]["recommended"] for item in found] == [{"vCPUs": {"min": 2, "max": 25}}]
    assert found[0]["properties"]["architecture"] == "x64"


@pytest.mark.parametrize(
    ("version", "properties", "generation", "features"),
    [
        (MID, {}, "V1", None),
        (MID, {"hyperVGeneration": "V2"}, "V2", None),
        (TRUSTED, {}, "V2", [{"name": "SecurityType", "value": "TrustedLaunchSupported"}]),
        (TRUSTED, {"hyperVGeneration": "V1"}, "V1", None),
        (TRUSTED, {"architecture": "Arm64"}, "V2", None),
        (
            TRUSTED,
            {"features": [{"name": "SecurityType", "value": "Standard"}]},
            "V2",
            [{"name": "SecurityType", "value": "Standard"}],
        ),
    ],
)
def test_defaults_follow_the_api_version(
    azure: LocalAzure, version: str, properties: dict[str, Any], generation: str, features: Any
) -> None:
    make_gallery(azure)
    found = azure.put("galleries/g/images/d", definition(**properties), version)["properties"]
    assert (found["hyperVGeneration"], found.get("features")) == (generation, features)


@pytest.mark.parametrize("features", [[], [{"name": "IsAcceleratedNetworkSupported", "value": "True"}]])
def test_the_same_request_again_changes_nothing(azure: LocalAzure, features: list[dict[str, str]]) -> None:
    """It does not name the security type that was filled in."""
    make_gallery(azure)
    body = definition(features=features)
    made = azure.put("galleries/g/images/d", body, TRUSTED)
    assert made["properties"]["features"] == [*features, {"name": "SecurityType", "value": "TrustedLaunchSupported"}]
    assert azure.put("galleries/g/images/d", body, TRUSTED) == made
    # To an older version, which fills in nothing, it is another list.
    assert azure.refused("PUT", "galleries/g/images/d", body, MID)[1] == "PropertyChangeNotAllowed"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"osType": "Windows"}, "osType"),
        ({"osState": "Specialized"}, "osState"),
        ({"hyperVGeneration": "V2"}, "hyperVGeneration"),
        ({"architecture": "Arm64"}, "architecture"),
        ({"identifier": {"publisher": "other", "offer": "offer", "sku": "d"}}, "identifier.publisher"),
        ({"features": [{"name": "IsAcceleratedNetworkSupported", "value": "True"}]}, "features"),
    ],
)
def test_what_a_definition_is_cannot_change(azure: LocalAzure, change: dict[str, Any], name: str) -> None:
    make_definition(azure)
    answer = azure.call("PUT", "galleries/g/images/d", definition("d", **change), MID)
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": "PropertyChangeNotAllowed",
        "message": f"Changing property 'galleryImage.properties.{name}' is not allowed.",
        "target": f"galleryImage.properties.{name}",
    }


def test_features_change_when_that_is_asked_for(azure: LocalAzure) -> None:
    make_definition(azure)
    features = [{"name": "DiskControllerTypes", "value": "SCSI", "startsAtVersion": "2.0.0"}]
    found = azure.put("galleries/g/images/d", definition("d", features=features, allowUpdateImage=True), MID)
    assert found["properties"]["features"] == features
    assert "allowUpdateImage" not in found["properties"]


def test_a_patch_needs_the_os_type(azure: LocalAzure) -> None:
    make_definition(azure)
    _status, code, text = azure.refused("PATCH", "galleries/g/images/d", {"tags": {"a": "b"}})
    assert (code, text) == (
        "PropertyChangeNotAllowed",
        "Changing property 'galleryImage.properties.osType' is not allowed.",
    )
    body = {"tags": {"a": "b"}, "properties": {"osType": "Linux", "description": "new"}}
    assert azure.call("PATCH", "galleries/g/images/d", body).status_code == 200
    assert azure.get("galleries/g/images/d")["properties"]["description"] == "new"


def test_publisher_offer_and_sku_are_unique(azure: LocalAzure) -> None:
    make_definition(azure, "one")
    assert azure.refused("PUT", "galleries/g/images/two", definition("ONE"))[2] == (
        "Gallery image: one identified by (publisher:pub, offer:offer, sku:one) already exists. Choose a different publisher, "
        "offer, sku combination."
    )


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({"osType": None}, "Required parameter 'galleryImage.properties.osType' is missing (null)."),
        ({"identifier": None}, "Required parameter 'galleryImage.properties.identifier' is missing (null)."),
        (
            {"identifier": {"publisher": "a.", "offer": "o", "sku": "s"}},
            "Asset name galleryImage.properties.identifier.publisher",
        ),
        ({"identifier": {"publisher": "a", "offer": "o" * 65, "sku": "s"}}, "cannot exceed 64 characters."),
        ({"recommended": {"memory": {"min": 2, "max": 1}}}, "must not be greater than the maximum value"),
        ({"endOfLifeDate": "2001-01-01"}, "EndOfLifeDate must be set to a future date."),
        (
            {"endOfLifeDate": "soon"},
            "Could not convert string to DateTimeOffset: soon. Path 'properties.endOfLifeDate'.",
        ),
        ({"features": [{"name": "SecurityType", "value": "TrustedLaunch"}]}, "Hypervisor generation 'V2'"),
    ],
)
def test_definitions_are_checked(azure: LocalAzure, properties: dict[str, Any], text: str) -> None:
    make_gallery(azure)
    status, code, found = azure.refused("PUT", "galleries/g/images/d", definition(**properties), MID)
    assert (status, code) == (400, "InvalidParameter")
    assert text in found


def test_names_and_parents_of_definitions(azure: LocalAzure) -> None:
    assert azure.refused("PUT", "galleries/none/images/d", definition()) == (
        404,
        "ParentResourceNotFound",
        "Can not perform requested operation on nested resource. Parent resource 'none' not found.",
    )
    make_gallery(azure)
    assert azure.refused("PUT", "galleries/g/images/_d", definition())[2] == (
        "The entity name 'galleryImageName' is invalid according to its validation rule: ^[^_\\W][\\w-._]{0,79}(?<![-.])$."
    )
    assert azure.refused("GET", "galleries/g/images/none")[1] == "ResourceNotFound"
    assert azure.refused("GET", "galleries/none/images")[1] == "ParentResourceNotFound"
    assert azure.call("DELETE", "galleries/g/images/none").status_code == 204
    for path in ("galleries/none/images/d", "galleries/g/images/none/versions/1.0.0", "galleries/none/applications/a"):
        assert azure.refused("DELETE", path)[:2] == (404, "ParentResourceNotFound"), path


def test_no_gallery_before_the_first_version(azure: LocalAzure) -> None:
    make_gallery(azure)
    assert azure.refused("GET", "galleries/g", version="2018-05-31")[:2] == (400, "InvalidResourceType")
    assert azure.call("GET", "galleries/g", version="2018-06-01").status_code == 200


def test_deletion_goes_from_the_bottom_to_the_top(azure: LocalAzure) -> None:
    make_definition(azure)
    assert azure.refused("DELETE", "galleries/g") == (
        409,
        "CannotDeleteResource",
        "Can not delete resource before nested resources are deleted.",
    )
    for short in ("galleries/g/images/d", "galleries/g"):
        answer = azure.call("DELETE", short)
        assert (answer.status_code, answer.content) == (202, b"")
        assert "monitor=true" in answer.headers["location"]
        azure.done(answer)
        assert azure.call("GET", short).status_code == 404


def test_what_was_made_in_a_definition_meanwhile_keeps_it(azure: LocalAzure) -> None:
    make_definition(azure)
    azure.control("latency", "PUT", seconds={"compute.gallery.definition.delete": 20})
    try:
        deletion = azure.call("DELETE", "galleries/g/images/d")
        make_version(azure, "1.0.0")
        azure.control("clock", advance=21)
        status = azure.done(deletion)
    finally:
        azure.control("latency", "PUT", name="fast")
    assert (status["status"], status["error"]["code"]) == ("Failed", "CannotDeleteResource")
    assert azure.get("galleries/g/images/d")["properties"]["provisioningState"] == "Succeeded"
    for short in ("galleries/g/images/d/versions/1.0.0", "galleries/g/images/d"):
        assert azure.done(azure.call("DELETE", short))["status"] == "Succeeded"


def test_the_quota_of_galleries(azure: LocalAzure) -> None:
    for number in range(100):
        assert azure.call("PUT", f"galleries/g{number}", {"location": LOCATION}).status_code == 201
    status, code, text = azure.refused("PUT", "galleries/more", {"location": LOCATION})
    assert (status, code) == (409, "OperationNotAllowed")
    assert "exceeding approved Gallery quota" in text
    assert "Current Limit: 100, Current Usage: 100, Additional Required: 1" in text
    assert azure.call("PUT", "galleries/more", {"location": "westus"}).status_code == 201

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole builds: a managed image, one that is published to a gallery and built upon, and what fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peers.client import fail

from .conftest import COMPUTE

if TYPE_CHECKING:
    import subprocess

    from .conftest import Packer


def shell(*lines: str) -> list[dict[str, Any]]:
    """A provisioner that runs commands in the machine; its scripts go where the guest works."""
    return [{"type": "shell", "remote_folder": ".", "inline": list(lines)}]


def check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        fail(done)


def test_managed_image(packer: Packer) -> None:
    """A Linux machine is provisioned, captured and removed with all that came with it."""
    done = packer.build(shell("echo provisioned > mark", "cat mark"), managed_image_name="linux")
    check(done)
    assert "azure-arm: provisioned" in done.stdout
    image = packer.arm.call("GET", f"{COMPUTE}/images/linux")["properties"]
    assert image["storageProfile"]["osDisk"]["osState"] == "Generalized"
    assert packer.leftovers() == []


def test_gallery(packer: Packer) -> None:
    """The image is published in two regions; the next build starts from that version."""
    gallery = f"{COMPUTE}/galleries/golden"
    packer.arm.call("PUT", gallery, {"location": "westeurope", "properties": {}})
    definition = {
        "osType": "Linux",
        "osState": "Generalized",
        "hyperVGeneration": "V2",
        "identifier": {"publisher": "peers", "offer": "packer", "sku": "linux"},
    }
    packer.arm.call("PUT", f"{gallery}/images/linux", {"location": "westeurope", "properties": definition})
    destination = {
        "resource_group": "images",
        "gallery_name": "golden",
        "image_name": "linux",
        "image_version": "1.0.0",
        "replication_regions": ["westeurope", "northeurope"],
    }
    check(packer.build(shell("true"), managed_image_name="published", shared_image_gallery_destination=destination))
    version = packer.arm.call("GET", f"{gallery}/images/linux/versions/1.0.0")["properties"]
    assert version["provisioningState"] == "Succeeded"
    regions = {region["name"] for region in version["publishingProfile"]["targetRegions"]}
    assert regions == {"West Europe", "North Europe"}
    source = {
        "subscription": packer.arm.subscription,
        **{name: destination[name] for name in ("resource_group", "gallery_name", "image_name", "image_version")},
    }
    marketplace = {f"image_{name}": "" for name in ("publisher", "offer", "sku")}
    check(packer.build(shell("true"), managed_image_name="second", shared_image_gallery=source, **marketplace))
    assert packer.arm.get(f"{COMPUTE}/images/second")
    assert packer.leftovers() == []


def test_failed_build_leaves_nothing(packer: Packer) -> None:
    """A provisioner that fails ends the build; the machine and its group go, and there is no image."""
    done = packer.build(shell("exit 7"), managed_image_name="broken")
    assert done.returncode == 1
    assert "non-zero exit status: 7" in done.stdout
    assert packer.arm.get(f"{COMPUTE}/images/broken") is None
    assert packer.leftovers() == []


def test_windows_until_the_key_vault(packer: Packer) -> None:
    """A Windows build needs a certificate for WinRM from a secret in a key vault, and nothing here is inside vaults.

    So far it goes: the machine's template is valid, the vault is deployed, the secret is refused, all is removed.
    """
    image = {
        "image_publisher": "MicrosoftWindowsServer",
        "image_offer": "WindowsServer",
        "image_sku": "2022-datacenter-g2",
    }
    reach = {"communicator": "winrm", "winrm_use_ssl": True, "winrm_insecure": True, "winrm_username": "packer"}
    done = packer.build([], managed_image_name="windows", os_type="Windows", **image, **reach)
    assert done.returncode == 1
    assert "Validating deployment template" in done.stdout
    assert "The resource type 'vaults/secrets' could not be found" in done.stdout
    assert packer.leftovers() == []

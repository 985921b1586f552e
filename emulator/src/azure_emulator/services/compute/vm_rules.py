# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true before a virtual machine is made or changed: plan, licence, security type, what it refers to.

Recorded: ``PropertyChangeNotAllowed``, the refusal of a licence, the plan's codes. The texts for security types and
processors are from published reports; codes of unknown licences are documented.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import ids as arm_ids
from azure_emulator.core.errors import ArmError
from azure_emulator.core.values import choice_of, flag_of, missing, object_of, text_of
from azure_emulator.services.compute import catalogue
from azure_emulator.services.compute._shared import BUSY, DOOMED, PROVIDER, invalid, not_allowed

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Scope
    from azure_emulator.core.store import Doc
    from azure_emulator.services.compute.sizes import VmSize
    from azure_emulator.services.compute.sources import ImageSource

#: Why something cannot be done to a machine.
GENERALIZED = "the VM is generalized"
DEALLOCATED = "the VM is either deallocated or marked to be deallocated"
#: Namespace of accepted Marketplace terms; the key is subscription/publisher/offer/plan in lower case.
TERMS = "marketplace.terms"

SECURITY_TYPES = ("Standard", "TrustedLaunch", "ConfidentialVM")
_WINDOWS_LICENCES = ("Windows_Client", "Windows_Server")
_LINUX_LICENCES = (
    "RHEL_BYOS",
    "SLES_BYOS",
    "RHEL_BASE",
    "RHEL_BASESAPAPPS",
    "RHEL_BASESAPHA",
    "RHEL_EUS",
    "RHEL_SAPAPPS",
    "RHEL_SAPHA",
    "SLES",
    "SLES_HPC",
    "SLES_SAP",
    "SLES_STANDARD",
    "UBUNTU",
    "UBUNTU_PRO",
)
_MARKETPLACE = (
    "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires"
)


def check_idle(ctx: Context, doc: Doc, operation: str) -> None:
    """Refuse to begin something while the machine is busy or on its way out.

    :raises ArmError: 409 ``OperationNotAllowed``.
    """
    running = ctx.operations.running(doc["id"])
    if running is None:
        return
    raise not_allowed(operation, doc, f"the VM {DOOMED}" if running.effect == "compute.vm.delete" else BUSY)


def check_plan(ctx: Context, vm_id: str, image: ImageSource | None) -> None:
    """Look at the purchase plan of a new machine: needed or not, the image's or another, its terms accepted.

    :raises ArmError: 400 with Azure's codes for each.
    """
    given = object_of(ctx.body, "plan")
    names = {name: text_of(given, name) or "" for name in ("name", "publisher", "product")}
    wanted = image.plan if image else None
    if wanted is None:
        if given and image is not None:
            _check_purchasable(names)
            raise _market(
                "Creating a virtual machine from a non Marketplace image does not need Plan information, please remove the "
                f"Plan information in the request. VM: '{vm_id}'."
            )
        return
    if not given:
        raise _market(f"{_MARKETPLACE} Plan information in the request. VM: '{vm_id}'.")
    _check_purchasable(names)
    if any(names[name].lower() != wanted[name].lower() for name in names):
        raise _market(
            f"The purchase information does not match. Unable to deploy from the Marketplace image. VM: '{vm_id}'."
        )
    _check_accepted(ctx, names)


def _market(message: str) -> ArmError:
    return ArmError(400, "VMMarketplaceInvalidInput", message)


def _check_purchasable(names: dict[str, str]) -> None:
    sku = catalogue.find(names["publisher"], names["product"], names["name"])
    if sku is None or sku.plan is None:
        raise ArmError(
            400,
            "ResourcePurchaseValidationFailed",
            f"User failed validation to purchase resources. Error message: 'Offer with PublisherId: {names['publisher']}, "
            f"OfferId: {names['product']}, PlanId: {names['name']} not found. If this offer has been recently published, "
            "please wait a few minutes for its publication.'",
        )


def _check_accepted(ctx: Context, names: dict[str, str]) -> None:
    key = terms_key(ctx.subscription, names["publisher"], names["product"], names["name"])
    if (ctx.store.kv_get(TERMS, key) or {}).get("accepted"):
        return
    correlation = uuid.uuid4()
    raise ArmError(
        400,
        "MarketplacePurchaseEligibilityFailed",
        "Marketplace purchase eligibilty check returned errors. See inner errors for details. ",  # Azure's spelling
        details=[
            {
                "code": "BadRequest",
                "message": f"Offer with PublisherId: '{names['publisher']}', OfferId: '{names['product']}' cannot be purchased "
                f"due to validation errors. For more information see details. Correlation Id: '{correlation}'. You have not "
                f"accepted the legal terms on this subscription: '{ctx.subscription}' for this plan. Before the subscription "
                "can be used, you need to accept the legal terms of the image. To read and accept legal terms, use the Azure "
                "CLI commands described at https://go.microsoft.com/fwlink/?linkid=2110637 or the PowerShell commands "
                f"available at https://go.microsoft.com/fwlink/?linkid=862451. Offer details: publisher='{names['publisher']}' "
                f"offer = '{names['product']}', sku = '{names['name']}'.",
            }
        ],
    )


def terms_key(subscription: str, publisher: str, offer: str, plan: str) -> str:
    """Where the acceptance of a plan's terms is kept."""
    return f"{subscription}/{publisher}/{offer}/{plan}".lower()


def check_licence(properties: dict[str, Any], os_type: str) -> None:
    """Refuse an unknown licence, or one of another system."""
    licence = text_of(properties, "licenseType")
    allowed = _WINDOWS_LICENCES if os_type == "Windows" else _LINUX_LICENCES
    if licence in (None, "", "None", *allowed):
        return
    if licence in (*_WINDOWS_LICENCES, *_LINUX_LICENCES):
        raise invalid("Parameter 'licenseType' is not allowed.", "licenseType")
    raise invalid(
        f"The license type {licence} is invalid. Valid license types are: {' or '.join(_WINDOWS_LICENCES)}, case sensitive.",
        "licenseType",
    )


def check_security(properties: dict[str, Any], size: VmSize, image: ImageSource | None) -> str | None:
    """The security type of a new machine, if it has one that fits its size and image.

    :raises ArmError: 400 otherwise.
    """
    profile = object_of(properties, "securityProfile")
    wanted = choice_of(profile, SECURITY_TYPES, "securityType")
    offered = (image.security_type or "").lower() if image else ""
    if object_of(profile, "uefiSettings") and wanted in (None, "Standard"):
        raise _bad("The uefiSettings can only be set when the securityType is 'TrustedLaunch' or 'ConfidentialVM'.")
    if offered in ("trustedlaunch", "confidentialvm") and (wanted or "").lower() != offered:
        name = "TrustedLaunch" if offered == "trustedlaunch" else "ConfidentialVM"
        raise _bad(
            f"The provided gallery image only supports creation of VMs and VM Scale Sets with '{name}' security type."
        )
    if wanted in (None, "Standard"):
        return wanted
    fits = size.trusted_launch if wanted == "TrustedLaunch" else size.confidential
    if not fits:
        raise _bad(
            f"The VM size '{size.name}' is not supported for creation of VMs and Virtual Machine Scale Set with '{wanted}' "
            "security type. For more information, see https://aka.ms/TrustedLaunch-FAQ"
        )
    if image is not None and wanted.lower() not in offered:
        raise _bad(
            f"Use of {wanted} setting is not supported for the provided image. Please select Trusted Launch Supported Gen2 OS "
            "Image. For more information, see https://aka.ms/TrustedLaunch-FAQ."
        )
    encryption = text_of(
        properties, "storageProfile", "osDisk", "managedDisk", "securityProfile", "securityEncryptionType"
    )
    if wanted == "ConfidentialVM" and not encryption:
        raise missing("securityEncryptionType", "osDisk.managedDisk.securityProfile")
    return wanted


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def check_references(ctx: Context, doc: Doc, properties: dict[str, Any], *, managed: bool) -> None:
    """Refuse an availability set or placement group that is not there, or not for this machine."""
    identity = text_of(properties, "availabilitySet", "id")
    if identity:
        found = _referred(ctx, identity, doc["location"])
        if found is None:
            raise ArmError(404, "NotFound", f"The Availability Set {identity} cannot be found.")
        if ctx.body.get("zones"):
            raise ArmError(
                400,
                "BadRequest",
                "Virtual Machine cannot be created because both Availability Zone and Availability Set were specified. "
                "Deploying an Availability Set to an Availability Zone isn't supported.",
            )
        if (found.get("sku", {}).get("name") == "Aligned") != managed:
            raise ArmError(
                400,
                "BadRequest",
                "Addition of a VM with managed disks to non-managed Availability Set or addition of a VM with blob based "
                "disks to managed Availability Set is not supported. Please create an Availability Set with 'managed' "
                "property set in order to add a VM with managed disks to it.",
            )
    group = text_of(properties, "proximityPlacementGroup", "id")
    if group and _referred(ctx, group, doc["location"]) is None:
        raise ArmError(404, "NotFound", f"The Proximity Placement Group {group} cannot be found.")


def _referred(ctx: Context, identity: str, location: str) -> Doc | None:
    arm_ids.parse(identity)
    found = ctx.store.get(identity)
    return found if found and found["location"] == location else None


def members_of(scope: Scope, subscription: str, name: str, identity: str) -> list[dict[str, str]]:
    """Machines whose property ``name`` refers to a resource, as a list of ids in upper case [recorded for sets]."""
    sql = (
        "SELECT json_extract(doc, '$.id') FROM resources WHERE type = ? AND subscription = ?"
        " AND lower(json_extract(doc, ?)) = ? ORDER BY 1"
    )
    rows = scope.store.read(
        sql, f"{PROVIDER}/virtualMachines".lower(), subscription.lower(), f"$.properties.{name}.id", identity.lower()
    )
    return [{"id": row[0]} for row in rows]


def check_hibernation(properties: dict[str, Any], size: VmSize) -> None:
    """Refuse hibernation for sizes that cannot [documented: up to 64 GB of memory, premium storage]."""
    if flag_of(properties, "additionalCapabilities", "hibernationEnabled") and (
        size.memory > 64 * 1024 or not size.premium
    ):
        raise ArmError(
            400,
            "OperationNotAllowed",
            f"The selected VM size '{size.name}' cannot support hibernation. Please select a VM size that supports "
            "hibernation or disable hibernation on the VM and try again.",
        )

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check and complete the parts of an image definition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from azure_emulator.core.values import list_of, missing, number_of, object_of, objects_of, text_of
from azure_emulator.services.compute._shared import invalid
from azure_emulator.services.compute.galleries._dates import end_of_life

if TYPE_CHECKING:
    from azure_emulator.core.context import Context

#: The identifier's members and their longest values.
IDENTIFIER = {"publisher": 128, "offer": 64, "sku": 64}

_ASSET_NAME = re.compile(r"[A-Za-z0-9\-._]*[A-Za-z0-9\-_]")
_TEXTS = ("description", "eula", "privacyStatementUri", "releaseNoteUri")
_SECURITY_TYPES = (
    "Standard",
    "None",
    "TrustedLaunch",
    "TrustedLaunchSupported",
    "ConfidentialVM",
    "ConfidentialVMSupported",
    "TrustedLaunchAndConfidentialVmSupported",
)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def identifier_of(wanted: dict[str, Any]) -> dict[str, str]:
    """Publisher, offer and SKU.

    :raises ArmError: 400 for what is missing or has the wrong form.
    """
    given = object_of(wanted, "identifier")
    if not given:
        raise missing("galleryImage.properties.identifier", "galleryImage.properties.identifier")
    identifier = {}
    for name, longest in IDENTIFIER.items():
        value = text_of(given, name) or ""
        target = f"galleryImage.properties.identifier.{name}"
        if not _ASSET_NAME.fullmatch(value) or len(value) > longest:
            raise invalid(
                f"Asset name {target} is not valid. It cannot be empty. Allowed characters are uppercase or lowercase "
                "letters, digits, hyphen(-), period (.), underscore (_). Names are not allowed to end with period(.). The "
                f"length of the name cannot exceed {longest} characters.",
                target,
            )
        identifier[name] = value
    return identifier


def features_of(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The ``features``; each has name and value, and may start at a version."""
    features = []
    for feature in objects_of(wanted, "features"):
        name, value = text_of(feature, "name"), text_of(feature, "value")
        if not name or value is None:
            raise missing("name" if not name else "value", "galleryImage.properties.features")
        start = text_of(feature, "startsAtVersion")
        if start is not None and not _VERSION.fullmatch(start):
            raise invalid(
                f"The value '{start[:40]}' of parameter 'startsAtVersion' is invalid.",
                "galleryImage.properties.features",
            )
        features.append({**({"startsAtVersion": start} if start else {}), "name": name, "value": value})
    names = [feature["name"].lower() for feature in features]
    if len(set(names)) != len(names):
        raise invalid("Duplicate feature names are not allowed.", "galleryImage.properties.features")
    return features


def security_of(properties: dict[str, Any]) -> str:
    """The definition's security type: ``Standard`` unless a feature says otherwise."""
    return next(
        (str(feature["value"]) for feature in properties.get("features", []) if _is_security(feature)), "Standard"
    )


def names_security(features: list[dict[str, Any]]) -> bool:
    """Whether a feature says the security type."""
    return any(_is_security(feature) for feature in features)


def _is_security(feature: dict[str, Any]) -> bool:
    return bool(feature["name"].lower() == "securitytype")


def check_security(generation: str, features: list[dict[str, Any]]) -> None:
    """Trusted launch and confidential machines need generation 2 [documented; the text is guessed]."""
    wanted = security_of({"features": features})
    known = next((kind for kind in _SECURITY_TYPES if kind.lower() == wanted.lower()), None)
    if known is None:
        raise invalid(
            f"The value '{wanted[:40]}' of feature 'SecurityType' is invalid. Allowed values are: {', '.join(_SECURITY_TYPES)}.",
            "galleryImage.properties.features",
        )
    if known not in ("Standard", "None") and generation != "V2":
        raise invalid(
            f"The security type '{known}' is only supported for images with Hypervisor generation 'V2'.",
            "galleryImage.properties.features",
        )


def optional_parts(ctx: Context, wanted: dict[str, Any], has: dict[str, Any]) -> dict[str, Any]:
    """What may be there and may change; empty objects are not kept."""
    parts: dict[str, Any] = {name: text for name in _TEXTS if (text := text_of(wanted, name)) is not None}
    if recommended := _recommended(wanted):
        parts["recommended"] = recommended
    disallowed = object_of(wanted, "disallowed")
    types = [_text(item, "disallowed.diskTypes") for item in list_of(disallowed, "diskTypes")]
    if types:
        parts["disallowed"] = {"diskTypes": types}
    if plan := object_of(wanted, "purchasePlan"):
        parts["purchasePlan"] = {
            name: text for name in ("name", "publisher", "product") if (text := text_of(plan, name))
        }
    if end := end_of_life(ctx, has.get("endOfLifeDate"), wanted):
        parts["endOfLifeDate"] = end
    return parts


def _recommended(wanted: dict[str, Any]) -> dict[str, Any]:
    recommended = {}
    for name in ("vCPUs", "memory"):
        given = object_of(wanted, "recommended", name)
        limits = {bound: number_of(given, bound) for bound in ("min", "max")}
        low, high = limits["min"], limits["max"]
        if low is not None and high is not None and low > high:
            target = f"galleryImage.properties.recommended.{name}"
            raise invalid(
                f"The minimum value of {target} must not be greater than the maximum value of {target}.", target
            )
        if shown := {bound: value for bound, value in limits.items() if value is not None}:
            recommended[name] = shown
    return recommended


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise invalid(f"The members of parameter '{path}' must be strings.", f"galleryImage.properties.{path}")
    return value

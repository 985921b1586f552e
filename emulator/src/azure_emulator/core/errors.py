# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as ARM and its resource providers phrase them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class ArmError(Exception):
    """A request that Azure would refuse; rolls the transaction back.

    :param status: HTTP status.
    :param code: Azure's error code.
    :param message: Azure's text.
    :param target: the parameter or policy that is meant, if Azure names it.
    :param details: inner errors, each ``{"code": …, "message": …}``.
    :param headers: further response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        target: str | None = None,
        details: Sequence[dict[str, Any]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = list(details)
        self.headers = dict(headers or {})

    def inner(self) -> dict[str, Any]:
        """``{"code", "message"[, "target", "details"]}``, as inside ``error`` of a body or an operation."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.details:
            body["details"] = self.details
        return body

    def body(self) -> dict[str, Any]:
        """The whole response body."""
        return {"error": self.inner()}


class ThrottledError(ArmError):
    """429 of Compute: its body has code and message at the top level, without an ``error`` wrapper [documented]."""

    def __init__(self, policy: str, retry_after: int, start: str, end: str, allowed: int, measured: int) -> None:
        message = json.dumps(
            {
                "operationGroup": policy,
                "startTime": start,
                "endTime": end,
                "allowedRequestCount": allowed,
                "measuredRequestCount": measured,
            }
        )
        super().__init__(
            429,
            "OperationNotAllowed",
            "The server rejected the request because too many requests have been received for this subscription.",
            details=[{"code": "TooManyRequests", "target": policy, "message": message}],
            headers={
                "Retry-After": str(retry_after),
                "x-ms-ratelimit-remaining-resource": f"Microsoft.Compute/{policy};0",
            },
        )

    def body(self) -> dict[str, Any]:
        return self.inner()


def resource_not_found(resource_type: str, names: Sequence[str], group: str) -> ArmError:
    """404 for an absent resource: ``Microsoft.Compute/disks``, ``["name"]``, ``"rg"``."""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{_type_and_names(resource_type, names)}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        headers={"x-ms-failure-cause": "gateway"},
    )


def parent_not_found(names: Sequence[str]) -> ArmError:
    """404 for a child of an absent resource, which is told without types [documented]; the names are the child's."""
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{'/'.join(names[:-1])}' not found.",
        headers={"x-ms-failure-cause": "gateway"},
    )


def group_not_found(group: str) -> ArmError:
    """404 for an absent resource group."""
    return ArmError(
        404,
        "ResourceGroupNotFound",
        f"Resource group '{group}' could not be found.",
        headers={"x-ms-failure-cause": "gateway"},
    )


def group_being_deleted(group: str) -> ArmError:
    """409 for a write to a resource group that is going away."""
    return ArmError(
        409,
        "ResourceGroupBeingDeleted",
        f"The resource group '{group}' is in deprovisioning state and cannot perform this operation.",
    )


def missing_api_version() -> ArmError:
    """400 for a request that names no API version."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def execution_failed() -> ArmError:
    """How an operation ends that broke for reasons of the service's own."""
    return ArmError(500, "InternalExecutionError", "An internal execution error occurred. Please retry later.")


def invalid_content(reason: str) -> ArmError:
    """400 for a body that cannot be read."""
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{reason}'.",
    )


def _type_and_names(resource_type: str, names: Sequence[str]) -> str:
    provider, *types = resource_type.split("/")
    return "/".join([provider, *(f"{t}/{n}" for t, n in zip(types, names, strict=True))])

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Azure answers when it refuses, in the words of the person who runs the playbook.

Shapes of error bodies: ``{"error": {"code", "message", "target", "details"}}`` everywhere but for Compute's throttling,
which has no wrapper, and resource group deletion, which capitalises the names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Iterator

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP answers that say nothing about the request itself: ask again."""

REMEDIES: dict[str, str] = {
    "AcquireDiskLeaseFailed": "Another VM, copy or open SAS holds the disk: detach it or end the access first.",
    "AllocationFailed": "Azure has no capacity for this size here now: use another size, zone or region, or try later.",
    "AnotherOperationInProgress": "Run it again when the other operation has ended.",
    "AuthorizationFailed": "Give the identity a role with this permission on the resource or its group, for example"
    " Contributor; a new role assignment needs some minutes to take effect.",
    "CannotDeleteResource": "Delete the nested resources first.",
    "ConflictingUserInput": "A disk of that name exists, or belongs to another VM: name it differently, detach it, or use a copy.",
    "DiskImageNotReady": "Wait until the image's provisioning state is Succeeded, then try again.",
    "ImageBlobNotFound": "Check the blob's address: it must lie in the same subscription and region.",
    "IncorrectImageBlobType": "Upload the VHD as a page blob; a block blob cannot become an image.",
    "InvalidAuthenticationToken": "Check the tenant and that cloud_environment is the cloud the credentials belong to.",
    "InvalidAuthenticationTokenTenant": "The subscription belongs to another tenant: set tenant (AZURE_TENANT).",
    "InvalidResourceLocation": "Use the location the resource already has, or another name.",
    "InvalidResourceType": "This cloud does not know this API version: check cloud_environment.",
    "InvalidSubscriptionId": "Check subscription_id (AZURE_SUBSCRIPTION_ID): it must be a GUID.",
    "LinkedAuthorizationFailed": "The identity also needs a role on the resource that is referred to.",
    "LocationNotAvailableForResourceType": "Use one of the locations that the message lists.",
    "MissingSubscriptionRegistration": "Register the resource provider: az provider register --namespace <namespace>.",
    "NetworkAccessNotAllowed": "Change the disk's network access policy, or use its disk access private endpoint.",
    "OSProvisioningClientError": "The image was probably not generalized completely: see the VM's boot diagnostics.",
    "OSProvisioningTimedOut": "The guest agent did not report: check that the image is generalized, that the agent is"
    " installed and look at the VM's boot diagnostics.",
    "PlatformImageNotFound": "Check publisher, offer, sku and version, and that they exist in this location.",
    "PropertyChangeNotAllowed": "Azure does not allow to change this later: delete and create the resource anew.",
    "QuotaExceeded": "Ask for more quota, or use another size or region.",
    "RequestDisallowedByPolicy": "An Azure Policy forbids it: the message names the policy and what it wants.",
    "ResourceGroupBeingDeleted": "Wait for the deletion to end, or use another resource group.",
    "ResourceGroupNotFound": "Create the resource group first, or check resource_group and subscription_id.",
    "ResourcePurchaseValidationFailed": "Accept the Marketplace terms once: az vm image terms accept --urn <urn>.",
    "ScopeLocked": "A management lock forbids it: remove the lock first.",
    "SkuNotAvailable": "Use another size, zone or region: this one is not offered to the subscription.",
    "StorageAccountAlreadyTaken": "Storage account names are unique in all of Azure: use another name.",
    "SubscriptionNotFound": "Check subscription_id (AZURE_SUBSCRIPTION_ID), and that the identity has a role in it.",
    "TargetDiskBlobAlreadyExists": "Use another name prefix, or allow to overwrite.",
    "TooManyRequests": "Azure limits the rate of requests: lower the number of forks, or try later.",
    "VMMarketplaceInvalidInput": "Give the plan of the Marketplace image the disk came from; none if it had none.",
    "ZonalAllocationFailed": "Azure has no capacity for this size in this zone now: use another zone or size.",
}
"""What to do about an Azure error code. Sources: Azure's documentation of common VM and gallery errors."""

MESSAGE_REMEDIES: tuple[tuple[str, str], ...] = (
    ("another operation is in progress", "Run it again when the other operation has ended."),
    ("exceeding quota limits", REMEDIES["QuotaExceeded"]),
    ("exceeding approved", REMEDIES["QuotaExceeded"]),
    ("is attached to VM", "Detach the disk from the VM, or delete the VM, first."),
    ("VM is not generalized", "Generalize the VM first (goldenimage.azure.vm_generalize)."),
    ("is not deallocated", "Deallocate the VM first."),
)
"""For codes as general as ``OperationNotAllowed``: a part of the message, and what to do."""

AADSTS_REMEDIES: dict[str, str] = {
    "AADSTS7000215": "The secret is wrong. Use the secret's value, not its ID.",
    "AADSTS7000222": "The secret has expired: make a new one for the application.",
    "AADSTS700016": "The tenant does not know this client_id: check client_id and tenant.",
    "AADSTS700027": "The certificate is not registered with the application.",
    "AADSTS70021": "No federated credential of the application matches this token's issuer and subject.",
    "AADSTS700213": "No federated credential of the application matches this token's subject.",
    "AADSTS90002": "There is no such tenant: check tenant and cloud_environment.",
    "AADSTS900023": "The tenant must be a GUID or a domain name.",
    "AADSTS50126": "The user name or the password is wrong.",
    "AADSTS50034": "The tenant does not know this user.",
    "AADSTS50076": "The user needs multi-factor authentication: use a service principal instead.",
    "AADSTS50079": "The user needs multi-factor authentication: use a service principal instead.",
    "AADSTS53003": "A Conditional Access policy blocks this sign-in.",
}
"""What to do about the error codes of Microsoft Entra ID's token endpoint."""

CA_REMEDY = (
    "Give the certificate authority's PEM file in REQUESTS_CA_BUNDLE (or SSL_CERT_FILE) of the task's environment;"
    " certificates are always verified."
)

_NEVER_SENT = re.compile(
    "Failed to (establish a new connection|resolve)|ConnectTimeout|Connection to \\S+ timed out|CERTIFICATE_VERIFY_FAILED"
)
_SIGNATURE = re.compile(r"(?i)\b(sig=)[^&\s\"'<>]+")


@dataclass(frozen=True)
class ErrorBody:
    """The understood part of an error body; ``code`` and ``message`` may be empty."""

    code: str = ""
    message: str = ""
    details: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def parse(cls, body: Any) -> ErrorBody:
        """Read any of the shapes in use; a body that is no error gives an empty one."""
        outer = _lower(body)
        inner = outer.get("error", outer)
        if isinstance(inner, str):  # OAuth: {"error": "invalid_client", "error_description": "AADSTS…"}
            return cls(inner, redact(str(outer.get("error_description", ""))))
        inner = _lower(inner)
        code, message = inner.get("code"), inner.get("message")
        found = inner.get("details")
        details = [cls.parse(detail) for detail in found] if isinstance(found, list) else []
        return cls(
            code if isinstance(code, str) else "",
            redact(message) if isinstance(message, str) else "",
            [{"code": detail.code, "message": detail.message} for detail in details if detail.code or detail.message],
        )


class AzureError(GoldenImageError):
    """Azure refused.

    :ivar code: Azure's error code, for example ``OperationNotAllowed``; empty if it sent none.
    :ivar status: HTTP status; 0 when a long-running operation ended badly.
    :ivar request_id: what Azure's support asks for.
    :ivar headers: of the answer.
    :ivar unclear: what was asked for may have been done all the same.
    """

    def __init__(
        self,
        what: str,
        body: ErrorBody,
        *,
        status: int = 0,
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
        remedy: str | None = None,
        **details: Any,
    ) -> None:
        self.code = body.code
        self.status = status
        self.headers = headers or {}
        self.request_id = request_id
        self.unclear = status == 408 or status >= 500
        answer = ": ".join(part for part in (body.code, body.message) if part) or f"HTTP {status} without explanation"
        more = "; ".join(f"{detail['code']}: {detail['message']}" for detail in body.details)
        text = f"Could not {what}: {answer.rstrip('.')}."
        if more:
            text += f" ({more.rstrip('.')}.)"
        if request_id:
            text += f" Request ID {request_id}."
        azure = {"code": body.code, "status": status, "request_id": request_id, "details": body.details}
        super().__init__(text, remedy=remedy or find_remedy(body, status), azure=azure, **details)


class OperationFailed(AzureError):  # noqa: N818
    """A long-running operation was accepted and ended in Failed or Canceled."""


class OperationTimeout(GoldenImageError):  # noqa: N818
    """Waiting took too long; the operation goes on in Azure."""


class AuthenticationFailed(GoldenImageError):  # noqa: N818
    """No token: the identity provider refused, or could not be asked."""


class Unreachable(GoldenImageError):  # noqa: N818
    """No answer at all: name resolution, connection, TLS or a broken connection.

    :ivar unclear: what was asked for may have been done all the same.
    """

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.unclear = was_sent(message)


def find_remedy(body: ErrorBody, status: int = 0) -> str | None:
    """What to do next, from the most specific thing known: a detail's code, the code, the message, the HTTP status."""
    for code in [*(detail["code"] for detail in body.details), body.code]:
        if code in REMEDIES:
            return REMEDIES[code]
    text = " ".join([body.message, *(detail["message"] for detail in body.details)])
    for part, remedy in MESSAGE_REMEDIES:
        if part in text:
            return remedy
    if status == 401:
        return REMEDIES["InvalidAuthenticationToken"]
    if status == 403:
        return REMEDIES["AuthorizationFailed"]
    if status == 429:
        return REMEDIES["TooManyRequests"]
    return None


def redact(text: str) -> str:
    """The text without the signatures of shared access signatures."""
    return _SIGNATURE.sub(r"\1***", text)


def was_sent(text: str) -> bool:
    """Whether a request without an answer may have reached the server, by the reason in the SDK's words."""
    return not _NEVER_SENT.search(text)


def will_stay(text: str) -> bool:
    """Whether there will be no answer the next time either: what listens there is not to be trusted, or no Azure."""
    return "CERTIFICATE_VERIFY_FAILED" in text or "WRONG_VERSION_NUMBER" in text


def json_of(response: Any) -> Any:
    """The JSON value of one of azure-core's responses, of either kind; ``None`` when it is empty or something else."""
    try:
        return json.loads(response.content if hasattr(response, "content") else response.body())
    except ValueError:
        return None


def from_response(what: str, status: int, headers: Mapping[str, str], body: Any) -> AzureError:
    """The failure for an HTTP answer of 400 or above."""
    parsed = ErrorBody.parse(body)
    return AzureError(what, parsed, status=status, headers=headers, request_id=headers.get("x-ms-request-id", ""))


@contextmanager
def translated(what: str, *, login: bool = False) -> Iterator[None]:
    """Turn the exceptions of azure-core and azure-identity into ours.

    :param what: what is attempted, after the words "Could not".
    :param login: a token is asked for.
    """
    with sdk_import():
        from azure.core import exceptions
    try:
        yield
    except exceptions.HttpResponseError as error:
        if login or error.response is None:
            raise _authentication_failed(what, error) from None
        # azure-core's own text repeats the request and the body; what is understood of them says it better
        response: Any = error.response
        raise from_response(what, response.status_code, response.headers, json_of(response)) from None
    except (exceptions.ServiceRequestError, exceptions.ServiceResponseError, exceptions.IncompleteReadError) as error:
        raise _unreachable(what, str(error)) from None


@contextmanager
def sdk_import() -> Iterator[None]:
    """For the block in which parts of the Azure SDK are imported.

    :raises MissingDependency: one of them is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependency(
            f"The Azure SDK for Python is not complete here: {error}.",
            remedy="Install the collection's requirements.txt into the Python that runs the task"
            " (ansible_python_interpreter).",
        ) from None


def _authentication_failed(what: str, error: Exception) -> AuthenticationFailed:
    text = redact(" ".join(str(error).split()))
    found = re.search(r"AADSTS\d+", text)
    remedy = AADSTS_REMEDIES.get(found.group()) if found else None
    if remedy is None and ("CERTIFICATE_VERIFY_FAILED" in text or "SSL" in text):
        remedy = CA_REMEDY
    return AuthenticationFailed(
        f"Could not {what}: no access token. {text.rstrip('.')}.",
        remedy=remedy or "Check the credentials, the tenant and cloud_environment.",
    )


def _unreachable(what: str, text: str) -> Unreachable:
    text = redact(text)
    remedy = "Check cloud_environment (AZURE_CLOUD_ENVIRONMENT), the network and the proxy (HTTPS_PROXY)."
    if "CERTIFICATE_VERIFY_FAILED" in text:
        remedy = CA_REMEDY
    elif "WRONG_VERSION_NUMBER" in text or "SSL" in text:
        remedy = "What listens there does not speak TLS as expected: check the address and port in cloud_environment."
    return Unreachable(f"Could not {what}: no answer. {text.rstrip('.')}.", remedy=remedy)


def _lower(value: Any) -> dict[str, Any]:
    return {str(key).lower(): item for key, item in value.items()} if isinstance(value, Mapping) else {}

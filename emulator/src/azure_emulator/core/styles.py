# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each resource provider speaks about its long-running operations: URLs, headers, recorded waiting times.

Everything here is recorded, except the query parts ``p t c s h`` of newer API versions, whose names and sizes are
recorded but whose values are opaque.
"""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure_emulator.core.operations import Operation

# Operation URLs got `p` with the API versions of 2022/23 and the signed parts in 2024/25.
_OPAQUE_SINCE = "2022-08-01"
_SIGNED_SINCE = "2024-03-01"
# Clients still called Microsoft.Resources with this version when its URLs had long been signed.
_JOBS_SIGNED_SINCE = "2021-04-01"


@dataclass(frozen=True, slots=True)
class Style:
    """One provider's dialect.

    ``path`` is the collection of operations below the subscription. ``put`` and ``other`` say which headers start an
    operation: ``a`` Azure-AsyncOperation, ``l`` Location, ``n`` Azure-AsyncNotification.
    """

    name: str
    path: str
    put: str
    other: str
    put_retry: int | None
    other_retry: int | None
    poll_retry: int | None
    seconds: float
    results: str = ""

    def retry(self, method: str) -> int | None:
        """The recorded ``Retry-After`` of the first answer."""
        return self.put_retry if method in ("PUT", "PATCH") else self.other_retry

    def start_headers(self, operation: Operation, method: str) -> dict[str, str]:
        wanted = self.put if method in ("PUT", "PATCH") else self.other
        headers = {}
        if "a" in wanted:
            headers["Azure-AsyncOperation"] = self.url(operation)
        if "n" in wanted:
            headers["Azure-AsyncNotification"] = "Enabled"
        if "l" in wanted:
            headers["Location"] = self.monitor_url(operation)
        return headers

    def url(self, operation: Operation) -> str:
        """Where the operation's status is."""
        return f"{self._base(operation, self.path)}{_query(operation)}"

    def monitor_url(self, operation: Operation) -> str:
        """Where 202 is answered until the result is there."""
        if self.results:
            return f"{self._base(operation, self.results)}{_query(operation)}"
        monitor = "" if self.name in _JOBS else "monitor=true&"
        return f"{self._base(operation, self.path)}{_query(operation, monitor)}"

    def _base(self, operation: Operation, path: str) -> str:
        name = job_name(_JOBS[self.name], operation.id) if self.name in _JOBS else operation.id
        return f"{operation.base_url}/subscriptions/{operation.subscription}/{path.format(location=operation.location)}/{name}"


def _provider(namespace: str, kind: str) -> str:
    return f"providers/{namespace}/locations/{{location}}/{kind}"


STYLES = {
    style.name: style
    for style in (
        Style("compute", _provider("Microsoft.Compute", "operations"), "an", "anl", 10, 10, 30, 30),
        Style("extension", _provider("Microsoft.Compute", "operations"), "an", "anl", None, None, None, 30),
        Style("disk", _provider("Microsoft.Compute", "DiskOperations"), "al", "al", 2, None, 2, 2),
        Style("gallery", _provider("Microsoft.Compute", "capsOperations"), "a", "al", None, None, None, 20),
        Style(
            "network",
            _provider("Microsoft.Network", "operations"),
            "a",
            "al",
            3,
            10,
            10,
            4,
            results=_provider("Microsoft.Network", "operationResults"),
        ),
        Style("storage", _provider("Microsoft.Storage", "asyncoperations"), "l", "l", 17, 17, 17, 17),
        Style("vault", _provider("Microsoft.KeyVault", "operationResults"), "l", "l", 10, 10, 10, 15),
        Style("group", "operationresults", "l", "l", 15, 15, 15, 60),
        # Deployments say themselves where their status is; only the deletion is followed here.
        Style("deployment", "operationresults", "", "l", None, 15, None, 1),
    )
}


#: Styles whose operations are followed under a base64 name, and the kind of job that it tells.
_JOBS = {"group": "RESOURCEGROUPDELETIONJOB", "deployment": "DEPLOYMENTDELETIONJOB"}


def job_name(kind: str, operation_id: str) -> str:
    """The base64 name under which a deletion is followed."""
    text = f'{{"jobId":"{kind}-{operation_id.upper()}"}}'
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def job_operation_id(name: str) -> str:
    """The operation behind such a name; an empty text when it is not one."""
    try:
        text = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode("ascii")
    except ValueError:
        return ""
    for kind in _JOBS.values():
        text = text.removeprefix(f'{{"jobId":"{kind}-')
    return text.removesuffix('"}').lower()


def opaque_query(operation: Operation) -> str:
    """The query of an operation's URL, for services that build it themselves."""
    return _query(operation)


def _query(operation: Operation, first: str = "") -> str:
    """``?…api-version=…`` with the opaque parts of newer versions; ``t``, ``s`` and ``h`` differ at each call."""
    version, job = operation.api_version, operation.style.name in _JOBS
    plain = f"?{first}api-version={version}"
    opaque = f"&p={operation.id[:8]}{operation.subscription[8:]}" if version >= _OPAQUE_SINCE and not job else ""
    if version < (_JOBS_SIGNED_SINCE if job else _SIGNED_SINCE):
        return plain + opaque
    ticks = str(int(time.time() * 10_000_000) + 621_355_968_000_000_000)
    return f"{plain}{opaque}&t={ticks}&c={_CERTIFICATE}&s={_opaque(ticks + 's', 256)}&h={_opaque(ticks + 'h', 32)}"


def _opaque(seed: str, size: int) -> str:
    stream = b"".join(hashlib.sha256(f"{seed}{i}".encode()).digest() for i in range(-(-size // 32)))
    return base64.urlsafe_b64encode(stream[:size]).decode().rstrip("=")


# Azure sends a certificate of about 2 KiB here; clients must carry it along unread.
_CERTIFICATE = _opaque("certificate", 1536)

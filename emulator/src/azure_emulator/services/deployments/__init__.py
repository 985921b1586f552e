# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Resources/deployments: templates, deployed to resource groups and subscriptions.

`request` reads a body into a `program`, `plan` finds out what has to be deployed in which order, `engine` does it.
"""

from __future__ import annotations

from azure_emulator.core.routing import Route, documented, recorded
from azure_emulator.services.deployments import deployments as calls
from azure_emulator.services.deployments import engine  # noqa: F401 - registers its effect
from azure_emulator.services.deployments.targets import TYPE

_CHECKED = "2026-11-25"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_SCOPES = (_GROUP, "/subscriptions/{subscription}")


def _routes(scope: str) -> list[Route]:
    every = f"{scope}/providers/{TYPE}"
    one = f"{every}/{{name}}"
    known = recorded(_CHECKED) if "{group}" in scope else documented(_CHECKED)
    spec = documented(_CHECKED)
    return [
        Route("GET", every, calls.list_all, evidence=spec),
        Route("PUT", one, calls.put, loose=True, evidence=known),
        Route("GET", one, calls.get, evidence=known),
        Route("HEAD", one, calls.head, evidence=spec),
        Route("DELETE", one, calls.delete, evidence=spec),
        Route("POST", f"{one}/validate", calls.validate, loose=True, evidence=spec),
        Route("POST", f"{one}/whatIf", calls.what_if, loose=True, reading=True),
        Route("POST", f"{one}/cancel", calls.cancel, evidence=spec),
        Route("POST", f"{one}/exportTemplate", calls.export, reading=True, evidence=spec),
        Route("GET", f"{one}/operations", calls.list_operations, evidence=spec),
        Route("GET", f"{one}/operations/{{operation}}", calls.get_operation, evidence=spec),
        Route("GET", f"{one}/operationStatuses/{{sequence}}", calls.operation_status, evidence=known),
    ]


ROUTES = [route for scope in _SCOPES for route in _routes(scope)] + [
    # Older clients ask without the provider.
    Route("GET", f"{_GROUP}/deployments/{{name}}/operations", calls.list_operations, evidence=documented(_CHECKED)),
    Route(
        "GET",
        f"{_GROUP}/deployments/{{name}}/operations/{{operation}}",
        calls.get_operation,
        evidence=documented(_CHECKED),
    ),
]

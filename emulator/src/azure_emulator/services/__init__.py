# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services. Each module here exports ``ROUTES`` and, where raw HTTP is needed, ``MOUNTS``.

A mount is ``(path prefix, factory)``: the factory gets the `Emulator` and returns an ASGI application that sees the
whole path. Mounts check their callers themselves (disk SAS).
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from azure_emulator.core import polling

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from azure_emulator.core.app import Emulator
    from azure_emulator.core.routing import Route

Mount = tuple[str, "Callable[[Emulator], ASGIApp]"]


def collect() -> tuple[list[Route], list[Mount]]:
    """Import every service package and gather what it answers."""
    routes = list(polling.ROUTES)
    mounts: list[Mount] = []
    for found in pkgutil.iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        routes += module.ROUTES
        mounts += getattr(module, "MOUNTS", [])
    return routes, mounts

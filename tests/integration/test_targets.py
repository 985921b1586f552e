# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module's target, inside the controller and as ordinary modules, at both ends of the SDK range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import LocalAzure


# `make test` does each target both ways and with both ends of the SDK range; the other two pairs are the tier "matrix".
@pytest.mark.parametrize(
    ("way", "sdk"),
    [
        ("controller", "newest"),
        ("ordinary", "floor"),
        pytest.param("ordinary", "newest", marks=pytest.mark.matrix),
        pytest.param("controller", "floor", marks=pytest.mark.matrix),
    ],
)
@pytest.mark.parametrize("target", targets.names())
def test_target(azure: LocalAzure, public_key: str, tmp_path: Path, target: str, way: str, sdk: str) -> None:
    binaries = targets.FLOOR if sdk == "floor" else targets.NEWEST
    run = targets.Run(target, f"it-{target}-{way}-{sdk}", tmp_path, public_key, binaries, inside=way == "controller")
    run.go(azure.data, azure.environment)

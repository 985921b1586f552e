# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galleries and killed processes, malformed requests, readers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from azure_process import LocalAzure
from compute_bodies import bytes_of, disk, empty, upload_disk
from gallery_bodies import ENDING, LOCATION, MID, definition, make_definition, make_gallery, of_disk
from hypothesis import HealthCheck, given, settings
from test_compute_crashes import kill
from test_compute_fuzz import NONSENSE, changed, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = int(os.environ.get("AZURE_EMULATOR_FUZZ", "150"))

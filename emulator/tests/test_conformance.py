# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agreement with recorded Azure traffic."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from replay import Replay, load

if TYPE_CHECKING:
    from azure_process import LocalAzure

FOLDER = Path(os.environ.get("AZURE_EMULATOR_RECORDINGS", Path(__file__).parents[3] / "shared" / "conformance"))
# Without galleries, template deployments, VM extensions and run command nothing of these scenarios is left.
NEEDS_MORE = {
    "CanCreateUpdateGetDeleteGalleryImage": "galleries",
    "CanCreateUpdateListGetDeleteGallery": "galleries",
    "test_gallery_e2e": "galleries and template deployments",
    "test_specialized_image": "galleries and template deployments",
    "test_vm_capture_zone_resilient_image": "template deployments",
    "test_vm_create_by_attach_os_and_data_disks": "template deployments",
    "test_vm_custom_image": "template deployments and run command",
    "test_vm_custom_image_name_conflict": "template deployments",
    "canCreateImageFromManagedDisk": "request bodies, which this recording lacks",
}
LEFT_OUT = re.compile(r"/galleries/|/virtualMachines/[^/]+/(extensions|runCommand)", re.IGNORECASE)
# Agreement that must not get worse; what differs is named in the output of the test.
REQUIRED = 0.9


def _scenarios() -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.gz") for path in FOLDER.glob("*.jsonl.gz"))


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded traffic in {FOLDER}")
@pytest.mark.parametrize("scenario", _scenarios())
def test_scenario_agrees(azure: LocalAzure, scenario: str) -> None:
    if scenario in NEEDS_MORE:
        pytest.skip(f"{scenario} needs {NEEDS_MORE[scenario]}")
    result = Replay(azure.client, azure.subscription, LEFT_OUT).run(load(FOLDER / f"{scenario}.jsonl.gz"))
    assert result.compared
    assert result.agreed / result.compared >= REQUIRED, "\n".join(map(str, result.differences))

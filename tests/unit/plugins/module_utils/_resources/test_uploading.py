# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that do not fit what an upload or a copy makes; refused before anything is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import copying, export_sources, uploading

MIB = 1 << 20
NOTHING = dict.fromkeys(("storage_account", "location", "zone", "sku", "security_type", "tags"))


@pytest.mark.parametrize(
    ("options", "generation", "words"),
    [
        ({"storage_account": "a", "zone": "1"}, None, "zone is for managed disks"),
        ({"storage_account": "a", "tags": {}}, None, "tags is for managed disks"),
        ({"storage_account": "a", "security_type": "TrustedLaunch"}, "V2", "security_type is for managed disks"),
        ({"security_type": "TrustedLaunch"}, "V1", "needs generation V2"),
        ({"security_type": "TrustedLaunch"}, None, "needs generation V2"),
    ],
)
def test_what_does_not_fit_is_named(options: dict[str, Any], generation: str | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        uploading.check_target({**NOTHING, **options}, generation)


@pytest.mark.parametrize(
    ("options", "generation"),
    [({"storage_account": "a"}, None), ({"security_type": "TrustedLaunch"}, "V2"), ({"zone": "1"}, None)],
)
def test_what_fits_is_taken(options: dict[str, Any], generation: str | None) -> None:
    uploading.check_target({**NOTHING, **options}, generation)


@pytest.mark.parametrize(
    ("size", "generation", "words"),
    [
        (20 * MIB + 512, "V2", "not a whole number of MiB"),
        (20 * MIB, "V1", "needs generation V2"),
        (20 * MIB, "V2", "the disk is read"),
    ],
)
def test_a_source_counts_as_what_it_is(monkeypatch: pytest.MonkeyPatch, size: int, generation: str, words: str) -> None:
    """Its size, and its generation where none is stated; what fits gets as far as reading the disk to make."""

    def read(*_arguments: object, **_options: object) -> None:
        raise InvalidInput("the disk is read", remedy="none")

    def found(*_arguments: object, **_options: object) -> SimpleNamespace:
        return SimpleNamespace(size=size, generation=generation, os_type="Linux", identity="it", title="the blob b")

    monkeypatch.setattr(export_sources, "find", found)
    monkeypatch.setattr(copying, "DiskTarget", read)
    options = {"source": "s", "source_sas": None, "disk": "d", "os_type": None, "hyper_v_generation": None}
    task: Any = SimpleNamespace(params={**NOTHING, **options, "security_type": "TrustedLaunch"})
    with pytest.raises(InvalidInput, match=words):
        copying.execute(task)

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the content of a disk or blob without reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _azure.conftest import DISKS, GROUP, Answer, FakeAzure
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import export_sources
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import CONTENT
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget

from .test_lost_answers import ACCOUNT, Task

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session

MIB = 1 << 20
MARK = "0" * 64


def origin(azure: FakeAzure, session: Session, mark: str = MARK, **changes: Any) -> export_sources.Origin:
    """An uploaded disk of 20 MiB, otherwise as stated."""
    properties = {
        "diskState": "Unattached",
        "uniqueId": "one",
        "diskSizeBytes": 20 * MIB,
        "creationData": {"createOption": "Upload", "uploadSizeBytes": 20 * MIB + 512},
        **changes,
    }
    wire = {"name": "d", "location": "westeurope", "tags": {CONTENT: mark}, "properties": properties}
    azure.on("GET", f"{DISKS}/d", Answer(body=wire))
    return export_sources.find(Task(session, {"resource_group": "rg"}), "d")


class TestDisk:
    def test_what_was_uploaded_is_known(self, azure: FakeAzure, session: Session) -> None:
        assert origin(azure, session).recorded == MARK

    @pytest.mark.parametrize(
        "changes",
        [
            {"diskSizeBytes": 30 * MIB},
            {"LastOwnershipUpdateTime": "2026-11-25T10:00:00Z"},
            {"creationData": {"createOption": "Copy"}},
            {"mark": "copied"},
        ],
    )
    def test_what_may_have_changed_or_nobody_has_seen_is_not(
        self, azure: FakeAzure, session: Session, changes: dict[str, Any]
    ) -> None:
        assert origin(azure, session, **changes).recorded is None

    @pytest.mark.parametrize(
        "changes",
        [{"diskSizeBytes": 30 * MIB}, {"LastOwnershipUpdateTime": "2026-11-25T10:00:00Z"}, {"uniqueId": "two"}],
    )
    def test_what_may_have_changed_has_another_identity(
        self, azure: FakeAzure, session: Session, changes: dict[str, Any]
    ) -> None:
        assert origin(azure, session).identity == origin(azure, session).identity
        assert origin(azure, session, **changes).identity != origin(azure, session).identity


@pytest.mark.parametrize(
    ("address", "words"),
    [("http://localhost/c/b", "https address"), ("https://localhost/c/b?sig=secret", "source_sas")],
)
def test_addresses_that_would_tell_a_secret(session: Session, address: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        export_sources.find(Task(session, {"resource_group": "rg"}), address)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(("kind", "known"), [("PageBlob", True), ("BlockBlob", False)])
def test_a_blob_of_another_type_is_not_taken_for_ours(
    azure: FakeAzure, session: Session, kind: str, known: bool
) -> None:
    """Copied as a block blob, with its metadata, it is none that a disk can be made of."""
    endpoint = {"primaryEndpoints": {"blob": f"{azure.url}/acct/"}}
    azure.on("GET", ACCOUNT, Answer(body={"name": "acct", "id": ACCOUNT, "properties": endpoint}))
    azure.on("POST", f"{ACCOUNT}/listKeys", Answer(body={"keys": [{"value": "a2V5"}]}))
    azure.on("GET", GROUP, Answer(body={}))
    azure.on("GET", "/acct/vhds", Answer())
    headers = {"x-ms-blob-type": kind, f"x-ms-meta-{CONTENT}": MARK}
    azure.on("HEAD", "/acct/vhds/d.vhd", Answer(200, bytes(MIB + 512), headers))
    options = {"storage_account": "acct", "container": "vhds", "blob": "d.vhd", "blob_auth": "key"}
    target = BlobTarget(Task(session, {"resource_group": "rg", "create_container": False, **options}), MIB)
    assert (target.recorded == MARK) is known
    if known:
        assert not target.plan(same_content=True, force=False).changed
    else:
        with pytest.raises(InvalidInput, match="force"):
            target.plan(same_content=False, force=False)

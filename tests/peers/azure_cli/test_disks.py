# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a disk: uploaded through a SAS, copied, published, and read back the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient

from peers.fixed_vhd import FOOTER, footer

if TYPE_CHECKING:
    from .conftest import AzureCli

SIZE = 20 << 20  # bytes: the smallest disk that can be uploaded
CHUNK = 4 << 20  # bytes: the most that one Put Page takes
# Something at the start, over a border of chunks, and at the end.
WRITTEN = {0: os.urandom(4096), CHUNK - 1024: os.urandom(2048), SIZE - 512: os.urandom(512)}


def content() -> bytes:
    """The disk without its footer."""
    data = bytearray(SIZE)
    for offset, piece in WRITTEN.items():
        data[offset : offset + len(piece)] = piece
    return bytes(data)


def blob(az: AzureCli, sas: str) -> BlobClient:
    return BlobClient.from_blob_url(sas, connection_verify=az.authority, retry_total=0)


def read(az: AzureCli, kind: str, group: str, name: str) -> bytes:
    """The first bytes of a disk or a snapshot: as many as were uploaded."""
    sas = az(f"{kind} grant-access -g {group} -n {name} --access-level Read --duration-in-seconds 600")["accessSAS"]
    found = blob(az, sas).download_blob(offset=0, length=SIZE).readall()
    az(f"{kind} revoke-access -g {group} -n {name}")
    with pytest.raises(HttpResponseError):
        blob(az, sas).download_blob(offset=0, length=512)
    return found


def test_upload(az: AzureCli, group: str) -> None:
    """A disk waits for its data, takes it, and has it."""
    size = SIZE + FOOTER
    kind = "--os-type Linux --hyper-v-generation V2 --sku Standard_LRS"
    az(f"disk create -g {group} -n uploaded --upload-type Upload --upload-size-bytes {size} {kind}")
    assert state(az, group) == "ReadyToUpload"
    sas = az(f"disk grant-access -g {group} -n uploaded --access-level Write --duration-in-seconds 600")["accessSAS"]
    assert state(az, group) == "ActiveUpload"
    with blob(az, sas) as target:
        assert target.get_blob_properties().size == size
        whole = content() + footer(SIZE)
        for start in range(0, size, CHUNK):
            piece = whole[start : start + CHUNK]
            target.upload_page(piece, offset=start, length=len(piece))
    az(f"disk revoke-access -g {group} -n uploaded")
    assert state(az, group) == "Unattached"
    assert read(az, "disk", group, "uploaded") == content()


def test_snapshots(az: AzureCli, group: str) -> None:
    """A snapshot keeps the data; an incremental one travels to another region, which takes a while."""
    az(f"snapshot create -g {group} -n full --source uploaded")
    az(f"snapshot create -g {group} -n part --source uploaded --incremental true")
    az(f"snapshot create -g {group} -n away -l northeurope --source part --incremental true --copy-start true")
    az(f"snapshot wait -g {group} -n away --created --interval 1 --timeout 60")
    assert az(f"snapshot show -g {group} -n away")["completionPercent"] == 100
    names = {found["name"] for found in az(f"snapshot list -g {group}")}
    assert names == {"full", "part", "away"}
    for name in ("full", "away"):
        assert read(az, "snapshot", group, name) == content()


def test_published_data(az: AzureCli, group: str) -> None:
    """A gallery version of the disk holds its bytes; so does a disk that is made from the version."""
    az(f"sig create -g {group} -r data")
    about = "--os-type Linux --os-state Generalized --hyper-v-generation V2"
    az(f"sig image-definition create -g {group} -r data -i disk -p peers -f data -s disk {about}")
    version = az(f"sig image-version create -g {group} -r data -i disk -e 1.0.0 --os-snapshot full --replica-count 1")
    az(f"disk create -g {group} -n published --gallery-image-reference {version['id']}")
    assert read(az, "disk", group, "published") == content()


def test_changes_and_removal(az: AzureCli, group: str) -> None:
    """Disks grow but never shrink; one that has an open SAS cannot go."""
    assert az(f"disk update -g {group} -n uploaded --size-gb 2 --set tags.use=data")["diskSizeGB"] == 2
    assert "resized down" in az.refused(f"disk update -g {group} -n uploaded --size-gb 1")
    az(f"disk grant-access -g {group} -n uploaded --duration-in-seconds 600")
    assert state(az, group) == "ActiveSAS"
    assert "active shared access signature" in az.refused(f"disk delete -g {group} -n uploaded --yes")
    az(f"disk revoke-access -g {group} -n uploaded")
    az(f"disk delete -g {group} -n uploaded --yes")
    az(f"snapshot delete -g {group} -n full")
    assert "uploaded" not in {found["name"] for found in az(f"disk list -g {group}")}


def state(az: AzureCli, group: str) -> str:
    return str(az(f"disk show -g {group} -n uploaded")["diskState"])

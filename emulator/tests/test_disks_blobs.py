# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies between disks and blobs: Copy Blob and Put Page From URL, both ways."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from azure_emulator.disks.vhd import footer_problem
from compute_bodies import BLOB_SIZE, MIB, bytes_of, disk, upload_disk

if TYPE_CHECKING:
    from azure_process import LocalAzure
    from blob_account import Account

blob = pytest.importorskip("azure.storage.blob")
exceptions = pytest.importorskip("azure.core.exceptions")


def _read_grant(azure: LocalAzure, short: str) -> str:
    return str(azure.post(f"{short}/beginGetAccess", {"access": "Read", "durationInSeconds": 600})["accessSAS"])


def test_export_to_a_blob_and_back(azure: LocalAzure, account: Account) -> None:
    data = os.urandom(8192)
    upload_disk(azure, "d", data, BLOB_SIZE)
    source = _read_grant(azure, "disks/d")
    account.service.create_container("vhds")
    target = account.service.get_blob_client("vhds", "export.vhd")
    copy = target.start_copy_from_url(source)
    assert copy["copy_status"] == "success"
    found = target.get_blob_properties()
    assert (found.size, found.blob_type, found.copy.status, found.copy.id) == (
        BLOB_SIZE + 512,
        "PageBlob",
        "success",
        copy["copy_id"],
    )
    content = target.download_blob().readall()
    assert content[:16384] == data + bytes(8192)
    assert footer_problem(content[-512:], BLOB_SIZE) is None
    assert "sig=" not in str(found.copy.source)
    azure.post("disks/d/endGetAccess")
    azure.put("disks/e", disk({"createOption": "Import", "sourceUri": f"{account.endpoint}vhds/export.vhd"}))
    assert bytes_of(azure, "disks/e", 16384) == content[:16384]


def test_planned_faults_spare_what_the_blob_server_asks(azure: LocalAzure, account: Account) -> None:
    upload_disk(azure, "d", os.urandom(8192), BLOB_SIZE)
    source = _read_grant(azure, "disks/d")
    account.service.create_container("vhds")
    azure.control("faults", "PUT", rules=[{"route": "Disk/blob/*", "fault": {"status": 503}}])
    try:
        copy = account.service.get_blob_client("vhds", "export.vhd").start_copy_from_url(source)
    finally:
        azure.control("faults", "PUT")
    assert copy["copy_status"] == "success"
    azure.post("disks/d/endGetAccess")


def test_a_blob_takes_pages_of_a_disk(azure: LocalAzure, account: Account) -> None:
    data = os.urandom(8192)
    upload_disk(azure, "d", data, BLOB_SIZE)
    source = _read_grant(azure, "disks/d")
    account.service.create_container("vhds")
    target = account.service.get_blob_client("vhds", "pages.vhd")
    target.create_page_blob(MIB)
    target.upload_pages_from_url(source, offset=4096, length=4096, source_offset=4096)
    assert target.download_blob().readall()[:12288] == bytes(4096) + data[4096:] + bytes(4096)
    azure.post("disks/d/endGetAccess")
    other = account.service.get_blob_client("vhds", "refused.vhd")
    with pytest.raises(exceptions.HttpResponseError) as refused:
        other.start_copy_from_url(source)
    assert (refused.value.status_code, refused.value.error_code) == (403, "CannotVerifyCopySource")
    assert not other.exists()


def test_a_disk_takes_pages_of_a_blob(azure: LocalAzure, account: Account) -> None:
    data = os.urandom(8192)
    url = account.upload("os.vhd", data)
    signed = blob.generate_blob_sas(
        account.name,
        "vhds",
        "os.vhd",
        account_key=account.service.credential.account_key,
        permission="r",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    azure.put("disks/d", disk({"createOption": "Upload", "uploadSizeBytes": BLOB_SIZE + 512}, osType="Linux"))
    grant = azure.post("disks/d/beginGetAccess", {"access": "Write", "durationInSeconds": 600})["accessSAS"]
    bundle = str(azure.data / "tls" / "ca.pem")
    with blob.BlobClient.from_blob_url(grant, connection_verify=bundle) as target:
        for item in account.service.get_blob_client("vhds", "os.vhd").list_page_ranges():
            length = item.end - item.start + 1
            target.upload_pages_from_url(f"{url}?{signed}", item.start, length, source_offset=item.start)
        with pytest.raises(exceptions.HttpResponseError) as refused:
            target.upload_pages_from_url(url, 0, 512, source_offset=0)
        assert refused.value.error_code == "CannotVerifyCopySource"
    azure.post("disks/d/endGetAccess")
    assert azure.get("disks/d")["properties"]["diskState"] == "Unattached"
    assert bytes_of(azure, "disks/d", 16384) == data + bytes(8192)

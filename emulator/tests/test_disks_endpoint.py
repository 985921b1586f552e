# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page-blob protocol of a disk's SAS, spoken to over HTTP."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import threading
import uuid
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import httpx
import pytest
from azure_emulator.disks.vhd import make_footer

if TYPE_CHECKING:
    from azure_process import LocalAzure

MIB = 1 << 20
SIZE = 32 * MIB


class Blob:
    """The blob of one SAS."""

    def __init__(self, azure: LocalAzure, url: str) -> None:
        self.url = url
        self.client = httpx.Client(verify=azure.trust, timeout=30)

    def __call__(
        self, method: str, *, comp: str = "", body: bytes = b"", headers: dict[str, str] | None = None, **more: str
    ) -> httpx.Response:
        url = self.url + (f"&comp={comp}" if comp else "") + "".join(f"&{k}={v}" for k, v in more.items())
        return self.client.request(method, url, content=body, headers={"x-ms-version": "2021-08-06", **(headers or {})})

    def put(self, start: int, data: bytes, **headers: str) -> httpx.Response:
        page = {"x-ms-page-write": "update", "x-ms-range": f"bytes={start}-{start + len(data) - 1}"}
        return self("PUT", comp="page", body=data, headers={**page, **headers})

    def clear(self, start: int, length: int) -> httpx.Response:
        page = {"x-ms-page-write": "clear", "x-ms-range": f"bytes={start}-{start + length - 1}"}
        return self("PUT", comp="page", headers=page)

    def read(self, start: int, end: int) -> httpx.Response:
        return self("GET", headers={"x-ms-range": f"bytes={start}-{end - 1}"})

    def ranges(self, **more: str) -> list[tuple[int, int]]:
        answer = self("GET", comp="pagelist", **more)
        assert answer.status_code == 200, answer.text
        found = ElementTree.fromstring(answer.content).iter("PageRange")
        return [(int(item.findtext("Start") or 0), int(item.findtext("End") or 0) + 1) for item in found]


def code(answer: httpx.Response) -> tuple[int, str]:
    found = ElementTree.fromstring(answer.content).findtext("Code") if answer.content else ""
    assert found == answer.headers["x-ms-error-code"]
    return answer.status_code, found or ""


def plainly(azure: LocalAzure, blob: Blob, headers: dict[str, str]) -> tuple[int, str]:
    """Status and code of a PUT of pages, by a client that sends whatever headers it is given."""
    connection = http.client.HTTPSConnection(httpx.URL(blob.url).netloc.decode(), context=azure.trust, timeout=30)
    try:
        connection.request("PUT", f"{blob.url}&comp=page", headers={"x-ms-version": "2021-08-06", **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers["x-ms-error-code"]
    finally:
        connection.close()


def grant(azure: LocalAzure, disk: str, access: str, seconds: int = 3600) -> Blob:
    output = azure.post(f"{disk}/beginGetAccess", {"access": access, "durationInSeconds": seconds})
    return Blob(azure, output["accessSAS"])


@pytest.fixture
def upload(azure: LocalAzure) -> Blob:
    """A disk that is being uploaded."""
    properties = {"creationData": {"createOption": "Upload", "uploadSizeBytes": SIZE + 512}}
    azure.put("disks/d", {"location": "westeurope", "properties": properties})
    return grant(azure, "disks/d", "Write")


def finish(azure: LocalAzure, upload: Blob) -> None:
    assert upload.put(SIZE, make_footer(SIZE, uuid.uuid4())).status_code == 201
    azure.post("disks/d/endGetAccess")


def test_pages_are_written_and_read(upload: Blob) -> None:
    data = os.urandom(4 * MIB)
    answer = upload.put(MIB, data)
    assert answer.status_code == 201
    assert {"etag", "last-modified", "x-ms-request-id", "x-ms-blob-sequence-number"} <= answer.headers.keys()
    assert upload.put(512, b"x" * 512).status_code == 201
    part = upload.read(MIB + 100, MIB + 300)
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes {MIB + 100}-{MIB + 299}/{SIZE + 512}"
    assert part.content == data[100:300]
    whole = upload("GET")
    assert whole.status_code == 200
    assert whole.content[MIB : 5 * MIB] == data
    assert len(whole.content) == SIZE + 512
    assert upload.ranges() == [(512, 1024), (MIB, 5 * MIB)]


def test_properties_without_content(upload: Blob) -> None:
    answer = upload("HEAD")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(SIZE + 512)
    assert answer.headers["x-ms-blob-type"] == "PageBlob"
    assert answer.headers["accept-ranges"] == "bytes"


def test_every_write_changes_the_etag(upload: Blob) -> None:
    before = upload("HEAD").headers["etag"]
    written = upload.put(0, b"x" * 512).headers["etag"]
    cleared = upload.clear(0, 512).headers["etag"]
    assert len({before, written, cleared}) == 3
    assert upload("HEAD").headers["etag"] == cleared


def test_cleared_pages_are_gone(upload: Blob) -> None:
    upload.put(0, b"x" * MIB)
    assert upload.clear(4096, SIZE - 4096).status_code == 201
    assert upload.ranges() == [(0, 4096)]
    assert upload.read(0, 8192).content == b"x" * 4096 + bytes(4096)


def test_page_list_in_pieces(upload: Blob) -> None:
    for number in range(5):
        upload.put(number * 2 * MIB, b"x" * 512)
    assert upload("GET", comp="pagelist", maxresults="2").text.count("<NextMarker>") == 1
    assert upload.ranges(maxresults="2", marker=str(2 * MIB)) == [(2 * MIB, 2 * MIB + 512), (4 * MIB, 4 * MIB + 512)]
    assert upload("GET", comp="pagelist").headers["x-ms-blob-content-length"] == str(SIZE + 512)


@pytest.mark.parametrize(
    ("start", "length", "wanted"),
    [
        (100, 512, (416, "InvalidPageRange")),
        (0, 500, (416, "InvalidPageRange")),
        (SIZE + 512, 512, (416, "InvalidPageRange")),
        (SIZE, 1024, (416, "InvalidPageRange")),
        (0, 4 * MIB + 512, (413, "RequestBodyTooLarge")),
    ],
)
def test_wrong_ranges_are_refused(upload: Blob, start: int, length: int, wanted: tuple[int, str]) -> None:
    assert code(upload.put(start, bytes(length))) == wanted
    assert upload.put(0, bytes(512)).status_code == 201  # the connection is still good


def test_range_and_body_must_fit(upload: Blob) -> None:
    headers = {"x-ms-page-write": "update", "x-ms-range": "bytes=0-1023"}
    assert code(upload("PUT", comp="page", body=bytes(512), headers=headers)) == (400, "InvalidHeaderValue")
    assert code(upload("PUT", comp="page", body=bytes(512), headers={"x-ms-page-write": "update"})) == (
        400,
        "MissingRequiredHeader",
    )
    assert code(upload("PUT", comp="page", headers={"x-ms-range": "bytes=0-511"})) == (400, "InvalidHeaderValue")
    assert code(upload.read(SIZE + 512, SIZE + 513)) == (416, "InvalidRange")


def test_numbers_without_end_are_refused(azure: LocalAzure, upload: Blob) -> None:
    endless = "9" * 5000
    assert code(upload("GET", comp="pagelist", maxresults=endless)) == (400, "InvalidInput")
    page = {"x-ms-page-write": "clear", "x-ms-range": f"bytes=0-{endless}"}
    assert code(upload("PUT", comp="page", headers=page)) == (400, "InvalidHeaderValue")
    rule = {"method": "PUT", "route": "Disk/blob/*", "fault": {"status": 503}}
    for rules in ([], [rule]):  # the same while requests are to fail
        azure.control("faults", "PUT", rules=rules)
        try:
            assert plainly(azure, upload, {"Content-Length": endless}) == (400, "InvalidInput")
        finally:
            azure.control("faults", "PUT", rules=[])


def test_content_is_checked_against_its_md5(upload: Blob) -> None:
    data = os.urandom(512)
    right = base64.b64encode(hashlib.md5(data).digest()).decode()
    assert upload.put(0, data, **{"Content-MD5": right}).headers["content-md5"] == right
    assert code(upload.put(512, bytes(512), **{"Content-MD5": right})) == (400, "Md5Mismatch")
    assert upload.ranges() == [(0, 512)]


@pytest.mark.parametrize(
    "request_of",
    [
        {"method": "DELETE"},
        {"method": "PUT", "headers": {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "1048576"}},
        {"method": "PUT", "comp": "metadata", "headers": {"x-ms-meta-a": "b"}},
        {"method": "PUT", "comp": "properties", "headers": {"x-ms-blob-content-length": "1048576"}},
        {"method": "PUT", "comp": "snapshot"},
        {"method": "PUT", "comp": "lease", "headers": {"x-ms-lease-action": "acquire"}},
        {"method": "GET", "comp": "metadata"},
    ],
)
def test_the_blob_itself_cannot_be_changed(upload: Blob, request_of: dict[str, Any]) -> None:
    assert code(upload(**request_of)) == (403, "AuthorizationPermissionMismatch")


def test_conditional_writes_are_refused(upload: Blob) -> None:
    assert code(upload.put(0, bytes(512), **{"If-Match": "*"})) == (400, "UnsupportedHeader")


def test_reads_honour_conditions(upload: Blob) -> None:
    first = upload("HEAD").headers
    etag, stamp = first["etag"], first["last-modified"]
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": '"0x0"'}, 200),
        ({"If-Match": '"0x0"'}, 412),
        ({"If-Modified-Since": stamp}, 304),
        ({"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200),
        ({"If-Unmodified-Since": stamp}, 200),
        ({"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412),
        ({"If-Modified-Since": "yesterday"}, 400),
    ):
        answer = upload("GET", headers=headers)
        assert answer.status_code == status, headers
        assert status == 200 or not answer.content or answer.headers["x-ms-error-code"]
    assert upload("GET").status_code == 200  # the connection is still good


def test_reads_honour_if_match(upload: Blob) -> None:
    etag = upload("HEAD").headers["etag"]
    assert upload("GET", headers={"If-Match": etag, "x-ms-range": "bytes=0-511"}).status_code == 206
    upload.put(0, bytes(512))
    assert code(upload("GET", headers={"If-Match": etag})) == (412, "ConditionNotMet")


def copied(target: Blob, source: str, start: int, length: int, to: int = 0, **headers: str) -> httpx.Response:
    """Put Page From URL."""
    return target(
        "PUT",
        comp="page",
        headers={
            "x-ms-page-write": "update",
            "x-ms-range": f"bytes={to}-{to + length - 1}",
            "x-ms-copy-source": source,
            "x-ms-source-range": f"bytes={start}-{start + length - 1}",
            **headers,
        },
    )


@pytest.fixture
def export(azure: LocalAzure, upload: Blob) -> Blob:
    """A disk with data from 8 MiB on that can be read, and another upload that waits (as `upload`)."""
    upload.put(8 * MIB, os.urandom(MIB))
    finish(azure, upload)
    properties = {"creationData": {"createOption": "Upload", "uploadSizeBytes": SIZE + 512}}
    azure.put("disks/e", {"location": "westeurope", "properties": properties})
    upload.url = grant(azure, "disks/e", "Write").url
    return grant(azure, "disks/d", "Read")


def test_pages_from_another_disk(upload: Blob, export: Blob) -> None:
    wanted = export.read(8 * MIB, 9 * MIB).content
    answer = copied(upload, export.url, 8 * MIB, MIB, 4096)
    assert answer.status_code == 201
    assert answer.headers["content-md5"] == base64.b64encode(hashlib.md5(wanted).digest()).decode()
    assert copied(upload, export.url, SIZE, 512, SIZE).status_code == 201
    assert upload.read(4096, 4096 + MIB).content == wanted
    assert upload.ranges() == [(4096, 4096 + MIB), (SIZE, SIZE + 512)]


def test_sources_that_cannot_be_copied(azure: LocalAzure, upload: Blob, export: Blob) -> None:
    assert code(copied(upload, export.url.replace("sig=", "sig=A"), 0, 512)) == (403, "AuthenticationFailed")
    assert code(copied(upload, export.url, SIZE, 1024)) == (416, "InvalidRange")
    assert code(copied(upload, export.url, 0, 4 * MIB + 512)) == (416, "InvalidPageRange")
    assert code(copied(upload, "https://example.com/a/b", 0, 512)) == (404, "CannotVerifyCopySource")
    assert code(copied(upload, "https://127.0.0.1:1/a/b", 0, 512)) == (404, "CannotVerifyCopySource")
    for url in ("https://127.0.0.1:port/a/b", "https://[/a/b", "https://127.0.0.1:1/\u00e9"):
        headers = {"x-ms-page-write": "update", "x-ms-range": "bytes=0-511", "x-ms-source-range": "bytes=0-511"}
        assert plainly(azure, upload, {**headers, "x-ms-copy-source": url}) == (404, "CannotVerifyCopySource")
    wrong = {"x-ms-source-range": "bytes=0-1023"}
    assert code(copied(upload, export.url, 0, 512, **wrong)) == (400, "InvalidHeaderValue")
    md5 = {"x-ms-source-content-md5": "AAAA"}
    assert code(copied(upload, export.url, 0, 512, **md5)) == (400, "Md5Mismatch")
    assert upload.ranges() == []


def test_what_changed_since_another_snapshot(azure: LocalAzure, upload: Blob) -> None:
    """Two snapshots of one disk cannot differ here, because only machines write to a disk; two disks can."""
    upload.put(0, b"a" * 16384)
    upload.put(8 * MIB, b"b" * 4096)
    finish(azure, upload)
    before = grant(azure, "disks/d", "Read")
    properties = {"creationData": {"createOption": "Upload", "uploadSizeBytes": SIZE + 512}}
    azure.put("disks/e", {"location": "westeurope", "properties": properties})
    second = grant(azure, "disks/e", "Write")
    second.put(0, b"a" * 4096 + b"x" * 4096 + b"a" * 8192)
    second.put(16 * MIB, b"c" * 8192)
    second.put(SIZE, make_footer(SIZE, uuid.uuid4()))
    azure.post("disks/e/endGetAccess")
    after = grant(azure, "disks/e", "Read")
    answer = after("GET", comp="pagelist", headers={"x-ms-previous-snapshot-url": before.url})
    assert answer.status_code == 200
    found = [(item.tag, int(item[0].text), int(item[1].text) + 1) for item in ElementTree.fromstring(answer.content)]
    assert found == [
        ("PageRange", 4096, 8192),
        ("ClearRange", 8 * MIB, 8 * MIB + 4096),
        ("PageRange", 16 * MIB, 16 * MIB + 8192),
    ]
    foreign = {"x-ms-previous-snapshot-url": "https://127.0.0.1:1/a/b"}
    assert code(after("GET", comp="pagelist", headers=foreign)) == (400, "InvalidHeaderValue")
    stolen = {"x-ms-previous-snapshot-url": before.url.replace("sig=", "sig=A")}
    assert code(after("GET", comp="pagelist", headers=stolen)) == (403, "AuthenticationFailed")


def test_a_changed_signature_is_refused(upload: Blob) -> None:
    upload.url = upload.url.replace("sig=", "sig=A")
    assert code(upload("GET")) == (403, "AuthenticationFailed")


def test_revoking_works_at_once(azure: LocalAzure, upload: Blob) -> None:
    azure.post("disks/d/endGetAccess")
    assert code(upload.put(0, bytes(512))) == (403, "AuthenticationFailed")
    assert upload("HEAD").status_code == 403


def test_access_ends_with_its_time(azure: LocalAzure, upload: Blob) -> None:
    finish(azure, upload)
    export = grant(azure, "disks/d", "Read", 600)
    assert azure.get("disks/d")["properties"]["diskState"] == "ActiveSAS"
    azure.control("clock", advance=601)
    assert code(export.read(0, 512)) == (403, "AuthenticationFailed")
    assert azure.get("disks/d")["properties"]["diskState"] == "Unattached"


def test_an_export_is_a_fixed_vhd(azure: LocalAzure, upload: Blob) -> None:
    data = os.urandom(4096)
    upload.put(8 * MIB, data)
    finish(azure, upload)
    export = grant(azure, "disks/d", "Read")
    whole = export("GET").content
    assert len(whole) == SIZE + 512
    assert whole[8 * MIB : 8 * MIB + 4096] == data
    identity = uuid.UUID(azure.get("disks/d")["properties"]["uniqueId"])
    assert whole[SIZE:] == make_footer(SIZE, identity)
    assert export.read(SIZE - 100, SIZE + 100).content == whole[SIZE - 100 : SIZE + 100]
    assert export.ranges() == [(8 * MIB, 8 * MIB + 4096), (SIZE, SIZE + 512)]
    assert code(export.put(0, bytes(512))) == (403, "AuthorizationPermissionMismatch")


def test_several_connections_write_at_once(upload: Blob) -> None:
    def write(offset: int) -> None:
        with httpx.Client(verify=upload.client._transport._pool._ssl_context) as client:
            for number in range(8):
                start = (offset + number * 4) * 512
                headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={start}-{start + 511}"}
                client.put(f"{upload.url}&comp=page", content=bytes([offset]) * 512, headers=headers).raise_for_status()

    threads = [threading.Thread(target=write, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert upload.ranges() == [(0, 32 * 512)]
    assert upload.read(0, 32 * 512).content == b"".join(bytes([offset]) * 512 for offset in (0, 1, 2, 3)) * 8


def test_unknown_paths_say_so(azure: LocalAzure, upload: Blob) -> None:
    base = upload.url.split("/_disks/")[0]
    client = httpx.Client(verify=azure.trust)
    assert code(client.get(f"{base}/")) == (404, "ResourceNotFound")
    assert code(client.get(f"{base}/_disks/none/abcd?sr=b&sig=x&si=y&sv=2018-03-28")) == (403, "AuthenticationFailed")


def test_a_request_is_in_the_log_before_its_answer(azure: LocalAzure, upload: Blob) -> None:
    log = azure.data / "requests.jsonl"
    for number in range(200):
        before = log.read_bytes().count(b"/_disks/")
        upload.put(number * 512, bytes(512))
        assert log.read_bytes().count(b"/_disks/") == before + 1


def test_signatures_are_not_logged(azure: LocalAzure, upload: Blob) -> None:
    upload.put(0, bytes(512))
    text = (azure.data / "requests.jsonl").read_text() + (azure.data / "server.log").read_text()
    signature = upload.url.split("sig=")[1]
    assert signature not in text
    assert "/abcd" in text

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import remote
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source

from .disks import MIB, SMALLEST, gpt, raw, run, vhd
from .fake_web import FakeWeb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_LONGEST_PAUSE", 0.01)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb().serving() as server:
        yield server


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("kind", ["raw", "vhd", "qcow2", "gzip"])
def test_a_disk_on_a_web_server(tmp_path: Path, web: FakeWeb, kind: str, ranges: bool) -> None:
    disk = path = gpt(tmp_path / "disk")
    if kind == "vhd":
        path = vhd(tmp_path / "file", disk)
    if kind == "qcow2":
        path = tmp_path / "file"
        run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", disk, path)
    if kind == "gzip":
        path = tmp_path / "file"
        path.write_bytes(subprocess.run(["gzip", "-c", disk], check=True, capture_output=True).stdout)
    web.content, web.ranges = path.read_bytes(), ranges
    with open_source(web.url) as source:
        assert source.size == SMALLEST
        assert source.read(0, SMALLEST) == disk.read_bytes()
        assert "secret" not in source.path
        source.verify_unchanged()


def test_only_what_is_asked_for_is_fetched(tmp_path: Path, web: FakeWeb) -> None:
    web.content = gpt(tmp_path / "disk", 40 * MIB).read_bytes()
    with open_source(web.url) as source:
        assert source.read(9000 * 512, 16) == b"root file system"
    assert web.sent < 2 * MIB  # both ends, to recognise it


def test_a_file_that_is_replaced_meanwhile_is_noticed(tmp_path: Path, web: FakeWeb) -> None:
    web.content = gpt(tmp_path / "disk").read_bytes()
    with open_source(web.url) as source:
        web.version = '"other"'
        with pytest.raises(GoldenImageError, match="changed while"):
            source.read(MIB, 512)
        with pytest.raises(GoldenImageError, match="changed while"):
            source.verify_unchanged()


@pytest.mark.parametrize("ranges", [True, False])
def test_passing_trouble_is_overcome(tmp_path: Path, web: FakeWeb, ranges: bool) -> None:
    disk = raw(tmp_path / "disk", SMALLEST, {at * MIB: b"data" for at in range(20)})
    web.content, web.ranges = disk.read_bytes(), ranges
    web.faults = {1: "drop", 2: "cut", 3: "503", 5: "cut", 6: "drop"}.get
    with open_source(web.url) as source:
        assert source.read(0, SMALLEST) == disk.read_bytes()


def test_lasting_trouble_is_said(web: FakeWeb) -> None:
    web.faults = lambda _number: "503"
    with pytest.raises(InvalidInput, match=r"http://127\.0\.0\.1:\d+/disk cannot be read: HTTP 503"):
        open_source(web.url)
    web.faults = lambda _number: "404"
    with pytest.raises(InvalidInput, match="HTTP 404"):
        open_source(web.url)


def test_redirects_are_followed_but_not_anywhere(tmp_path: Path, web: FakeWeb) -> None:
    web.content = gpt(tmp_path / "disk").read_bytes()
    web.moved = {"/start": "/disk?x=1", "/loop": "/loop", "/file": "file:///etc/hostname"}
    with open_source(web.url.replace("/disk", "/start")) as source:
        assert source.size == SMALLEST
    with pytest.raises(InvalidInput, match="HTTP 302"):
        open_source(web.url.replace("/disk", "/loop"))
    with pytest.raises(InvalidInput, match="not safe to follow"):
        open_source(web.url.replace("/disk", "/file"))


def test_a_proxy_is_used(tmp_path: Path, web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    web.content = gpt(tmp_path / "disk").read_bytes()
    monkeypatch.setenv("http_proxy", web.url)
    with open_source("http://images.example/disk") as source:
        assert source.size == SMALLEST
    assert web.targets[0] == "http://images.example/disk"


def test_an_unknown_certificate_is_refused(web: FakeWeb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
    )  # fmt: skip
    with FakeWeb(content=bytes(SMALLEST), tls=(str(certificate), str(key))).serving() as secure:
        with pytest.raises(InvalidInput, match=r"certificate is not trusted.*REQUESTS_CA_BUNDLE"):
            open_source(secure.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with open_source(secure.url) as source:
            assert source.size == SMALLEST
        secure.moved = {"/start": web.url}
        with pytest.raises(InvalidInput, match="not safe to follow"):
            open_source(secure.url.replace("/disk", "/start"))
    assert web.targets == []


def test_authorities_that_are_not_there_are_named(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(InvalidInput, match=r"REQUESTS_CA_BUNDLE names /nowhere/ca\.pem"):
        open_source(web.url)


def test_what_is_secret_in_an_address_is_not_shown() -> None:
    assert remote.shown("https://user:secret@host/disk?sig=secret") == "https://host/disk"

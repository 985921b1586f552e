# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest is told by the metadata service, the wire server and the provisioning CD."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from azure_emulator.guests import imds, relay, wireserver
from azure_emulator.guests.media import ovf_environment
from azure_emulator.guests.metadata import GuestMetadata
from azure_emulator.guests.model import Answer, Guest, Request
from azure_emulator.guests.qemu import GuestError, QemuGuest, payload_size

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAA someone"
GUEST = Guest(computer_name="web-1", admin_username="azureuser", ssh_keys=(KEY,), tags=(("role", "web"),))
WA = "{http://schemas.microsoft.com/windowsazure}"
READY = b"<Health><State>Ready</State></Health>"
FAILED = b"<H><State>NotReady</State><SubStatus>ProvisioningFailed</SubStatus><Description>a &lt; b</Description></H>"


def ask_imds(path: str, guest: Guest = GUEST, headers: dict[str, str] | None = None, **query: str) -> Answer:
    query = {"api-version": "2021-08-01"} | {name.replace("_", "-"): value for name, value in query.items()}
    return imds.respond(guest, Request("GET", path, query, {"metadata": "true"} if headers is None else headers))


def test_instance_document_names_the_machine_and_its_keys() -> None:
    document = json.loads(ask_imds("/metadata/instance", extended="true").body)
    assert document["compute"]["osProfile"]["computerName"] == "web-1"
    assert document["compute"]["publicKeys"] == [{"keyData": KEY, "path": "/home/azureuser/.ssh/authorized_keys"}]
    assert document["network"]["interface"][0]["macAddress"] == "0022483A9CFA"
    assert document["extended"]["compute"]["ppsType"] == "None"


def test_extended_is_unknown_to_older_versions() -> None:
    assert "extended" not in json.loads(ask_imds("/metadata/instance", api_version="2021-02-01", extended="true").body)


@pytest.mark.parametrize("headers", [{}, {"metadata": "true", "x-forwarded-for": "192.0.2.1"}])
def test_requests_that_could_come_through_a_proxy_are_refused(headers: dict[str, str]) -> None:
    assert ask_imds("/metadata/instance", headers=headers).status == 400


def test_unknown_version_is_refused_with_those_that_work() -> None:
    answer = ask_imds("/metadata/instance", api_version="1999-01-01")
    assert answer.status == 400
    assert json.loads(answer.body)["newest-versions"][0] == imds.API_VERSIONS[-1]


def test_one_value_can_be_asked_for() -> None:
    answer = ask_imds("/metadata/instance/compute/tagsList/0/value", format="text")
    assert (answer.status, answer.body) == (200, b"web")
    assert ask_imds("/metadata/instance/compute/nothing").status == 404


def test_password_is_nowhere_in_the_metadata_or_the_representation() -> None:
    guest = Guest(computer_name="web-1", admin_username="azureuser", admin_password="Tr0ub4dor")
    assert b"Tr0ub4dor" not in ask_imds("/metadata/instance", guest).body
    assert "Tr0ub4dor" not in repr(guest)


def test_guest_nobody_could_enter_is_refused() -> None:
    with pytest.raises(ValueError, match="ssh_keys or an admin_password"):
        Guest(computer_name="web-1", admin_username="azureuser")


def test_goal_state_has_what_a_health_report_must_quote() -> None:
    request = Request("GET", "/machine/", {"comp": "goalstate"}, {})
    root = ET.fromstring(wireserver.respond(GUEST, request)[0].body)
    assert root.findtext("Incarnation") == "1"
    assert root.findtext("Container/ContainerId") == GUEST.vm_id
    assert root.findtext("Container/RoleInstanceList/RoleInstance/InstanceId") == "_web-1"


def test_health_reports() -> None:
    assert wireserver.parse_health(READY) == wireserver.HealthReport("Ready")
    failed = wireserver.parse_health(FAILED)
    assert failed == wireserver.HealthReport("NotReady", "ProvisioningFailed", "a < b")
    assert not failed.provisioned
    answer, report = wireserver.respond(GUEST, Request("POST", "/machine", {"comp": "health"}, {}, b"nonsense"))
    assert (answer.status, report) == (400, None)


def test_provisioning_cd_keeps_special_characters() -> None:
    guest = Guest(computer_name="a&b", admin_username="azureuser", admin_password="<&>", custom_data=b"\x00\xff")
    settings = ET.fromstring(ovf_environment(guest)).find(f".//{WA}LinuxProvisioningConfigurationSet")
    assert settings is not None
    assert settings.findtext(f"{WA}HostName") == "a&b"
    assert settings.findtext(f"{WA}UserPassword") == "<&>"
    assert settings.findtext(f"{WA}DisableSshPasswordAuthentication") == "false"
    assert base64.b64decode(settings.findtext(f"{WA}CustomData") or "") == b"\x00\xff"


def test_relay_brings_the_guests_request_to_the_service(tmp_path: Path) -> None:
    request = b"POST /machine?comp=health HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(READY), READY)
    with GuestMetadata(GUEST, tmp_path) as metadata:
        command = [sys.executable, "-I", "-S", str(relay.__file__), str(metadata.sockets["wireserver"])]
        done = subprocess.run(command, input=request, capture_output=True, timeout=30, check=True)
        assert done.stdout.startswith(b"HTTP/1.0 200 ")
        report = metadata.wait_for_report(5)
        assert report is not None
        assert report.provisioned
        assert [(seen.method, seen.status) for seen in metadata.seen] == [("POST", 200)]
    assert list(tmp_path.iterdir()) == []


def test_endless_body_is_refused(tmp_path: Path) -> None:
    with GuestMetadata(GUEST, tmp_path) as metadata, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(metadata.sockets["wireserver"]))
        connection.sendall(b"POST /machine?comp=health HTTP/1.0\r\nContent-Length: 999999999999\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413


def test_footer_of_a_vhd_is_not_part_of_the_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(4096))
    assert payload_size(disk) == 4096
    disk.write_bytes(bytes(4096) + b"conectix".ljust(512, b"\0"))
    assert payload_size(disk) == 4096
    disk.write_bytes(b"conectix".ljust(4096, b"\0"))
    with pytest.raises(GuestError, match="dynamic VHD"):
        payload_size(disk)


@pytest.mark.parametrize(("generation", "machine"), [(1, "pc"), (2, "q35")])
def test_qemu_gets_azures_marks_and_a_network_without_the_world(tmp_path: Path, generation: int, machine: str) -> None:
    vm = QemuGuest(GUEST, tmp_path / "disk", tmp_path, generation=generation, accel="tcg")
    command = " ".join(vm._command(tmp_path))
    assert f"-machine {machine} " in f"{command} "
    assert "type=3,asset=7783-7084-3265-9085-8269-3286-77" in command
    assert f"mac={GUEST.mac_address}" in command
    assert "restrict=on" in command
    assert "hostfwd=tcp:127.0.0.1:" in command

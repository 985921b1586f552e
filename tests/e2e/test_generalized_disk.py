# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image must not carry, read from the disk by an independent tool, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .look import Look

if TYPE_CHECKING:
    from .conftest import Image

BUILDER = "builder"


def traces(disk: Look) -> dict[str, object]:
    """Name everything on the disk that belongs to one machine or one person."""
    homes = {f"/home/{name}" for name in disk.names("/home")} | {"/root"}
    found: dict[str, object] = {
        "machine-id": disk.text("/etc/machine-id").strip().replace("uninitialized", ""),
        "D-Bus machine-id": second_machine_id(disk),
        "host keys": {name for name in disk.names("/etc/ssh") if name.startswith("ssh_host_")},
        "build user": [
            name for name in ("passwd", "shadow", "group", "subuid") if BUILDER in disk.text(f"/etc/{name}")
        ],
        "build user's home": disk.names("/home") & {BUILDER},
        "rights of the build user": {name for name in disk.names("/etc/sudoers.d") if BUILDER in name},
        "histories": {f"{home}/{name}" for home in homes for name in disk.names(home) if name.endswith("_history")},
        "authorized keys": {home for home in homes if disk.text(f"{home}/.ssh/authorized_keys").strip()},
        "cloud-init instances": disk.names("/var/lib/cloud/instances") | (disk.names("/var/lib/cloud") & {"instance"}),
        "logs": {name for name in ("auth.log", "cloud-init.log") if disk.text(f"/var/log/{name}")},
        "leases": disk.names("/var/lib/dhcp"),
        "random seed": disk.names("/var/lib/systemd") & {"random-seed"},
        "temporary files": disk.names("/tmp") | disk.names("/var/tmp"),
    }
    return {what: value for what, value in found.items() if value}


def second_machine_id(disk: Look) -> str:
    """D-Bus's copy of the machine-id; as a link to the first one it is no trace of its own."""
    path = "/var/lib/dbus/machine-id"
    return "" if disk.is_link(path) else disk.text(path).strip()


def test_the_builder_left_traces(image: Image) -> None:
    """Without this the next test could pass because it looks in the wrong places."""
    if image.origin is None:
        pytest.skip("IMAGE was given: there is no disk from before")
    found = traces(Look.at(image.origin))
    wanted = {"machine-id", "host keys", "build user", "build user's home", "rights of the build user", "histories"}
    wanted |= {"authorized keys", "cloud-init instances", "logs", "leases", "random seed", "temporary files"}
    assert set(found) >= wanted


def test_generalized_disk_has_no_traces(image: Image) -> None:
    disk = Look.at(image.vhd)
    assert disk.is_clean()
    assert "root:" in disk.text("/etc/passwd"), "this is not the root file system"
    assert traces(disk) == {}


def test_machine_id_file_is_there(image: Image) -> None:
    """Without the file systemd does not store the new id where /etc is read-only at first."""
    assert "machine-id" in Look.at(image.vhd).names("/etc")

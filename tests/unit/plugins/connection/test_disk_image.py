# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin's own checks, and the wire to the keeper."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.play_context import PlayContext
from ansible_collections.goldenimage.azure.plugins.connection import disk_image
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper import usage, wire
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper.client import Client, Settings
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper.errors import DiskImageError

if TYPE_CHECKING:
    from pathlib import Path


def connection(path: str, **options: Any) -> disk_image.Connection:
    """The plugin with its documented defaults and these options."""
    documented = yaml.safe_load(disk_image.DOCUMENTATION)["options"]
    values = {name: option["default"] for name, option in documented.items()} | {"remote_addr": path} | options
    plugin = disk_image.Connection(PlayContext(), os.devnull)
    plugin.get_option = values.__getitem__
    return plugin


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("images/disk.raw", r"not an absolute path.*inventory_dir"),
        ("/nonexistent/disk.raw", "No such file"),
        ("/dev/null", "not a regular file"),
    ],
)
def test_paths_that_cannot_be_a_disk(path: str, message: str) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=message):
        connection(path).exec_command("true")


def test_root_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(AnsibleConnectionFailure, match=r"needs root on the control node.*sudo"):
        connection(str(tmp_path / "disk")).exec_command("true")


def test_options_become_settings() -> None:
    class Tagged(str):
        """As Ansible marks strings with their origin."""

    settings = connection("/x", read_only=True, root_partition=Tagged("2"))._settings("/x")
    assert settings == Settings("/x", "auto", "2", "auto", "host", True, 300, False)  # noqa: FBT003
    assert not isinstance(settings.root_partition, Tagged)


def test_messages_and_descriptors_travel(tmp_path: Path) -> None:
    here, there = socket.socketpair()
    with here, there, (tmp_path / "file").open("w+b") as file:
        wire.send(here, {"command": "x" * 100_000, "name": "\udcff"}, (file.fileno(),))
        message, (fd,) = wire.receive(there)
        assert message == {"command": "x" * 100_000, "name": "\udcff"}
        os.write(fd, b"through")
        os.close(fd)
        file.seek(0)
        assert file.read() == b"through"
        here.close()
        assert wire.receive(there) == (None, [])


def test_half_a_message_is_a_lost_connection() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(b"\x10\0\0\0{")
        here.close()
        with pytest.raises(ConnectionResetError):
            wire.receive(there)


def test_a_process_is_named_by_its_start() -> None:
    assert usage.start_time(os.getpid()) == usage.start_time("self")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        started = usage.start_time(other.pid)
        other.kill()
        other.wait()
    assert started
    assert usage.start_time(other.pid) == ""


def test_nobody_answers_for_a_disk_that_is_not_open(tmp_path: Path) -> None:
    (tmp_path / "disk").touch()
    settings = Settings(str(tmp_path / "disk"), "auto", "", "auto", "host", False, 300.0, False)  # noqa: FBT003
    Client(settings, os.getpid()).close()


def test_an_impostor_at_the_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").touch()
    settings = Settings(str(tmp_path / "disk"), "auto", "", "auto", "host", False, 300.0, False)  # noqa: FBT003
    client = Client(settings, os.getpid())
    user = os.geteuid()
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(client._address)
        impostor.listen()
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)
        with pytest.raises(DiskImageError, match="Another user's process"):
            client.open()

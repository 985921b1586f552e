# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection plugin for tests: a simulated Windows machine instead of WinRM. The model is in tests/support/windows_host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: windows_host
author: goldenimage.azure contributors (@goldenimage)
short_description: A simulated Windows machine, for tests
description: Answers what ansible-core sends to a Windows machine from a model in a JSON file. Unknown requests are errors.
options:
  state:
    description: The JSON file.
    type: path
    required: true
    vars:
      - name: ansible_windows_host_state
  remote_user:
    description: Whom it logs in as.
    type: str
    default: Administrator
    vars:
      - name: ansible_user
  password:
    description: And with what.
    type: str
    vars:
      - name: ansible_password
  connection_timeout:
    description: Seconds; win_reboot sets it.
    type: int
    default: 30
    vars:
      - name: ansible_connection_timeout
"""

import sys
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

# The model is beside this plugin, and no collection.
SUPPORT = str(Path(__file__).resolve().parents[3])
if SUPPORT not in sys.path:
    sys.path.append(SUPPORT)

from support.windows_host.host import ConnectionLostError, Host
from support.windows_host.request import UnknownRequestError


class Connection(ConnectionBase):
    """As WinRM presents itself to ansible-core."""

    transport = "windows_host"
    module_implementation_preferences = (".ps1", ".exe", "")
    allow_executable = False
    has_pipelining = True
    has_native_async = True
    always_pipeline_modules = True

    def __init__(self, *args: object, **kwargs: object) -> None:
        self._shell_type = "powershell"
        super().__init__(*args, **kwargs)

    def _host(self) -> Host:
        return Host(Path(self.get_option("state")), self.get_option("remote_user"), self.get_option("password"))

    def _connect(self) -> Connection:
        super()._connect()
        if not self._connected:
            try:
                self._host().connect()
            except ConnectionLostError as error:
                raise AnsibleConnectionFailure(f"windows_host: {error}") from error
            self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        try:
            return self._host().execute(cmd, in_data)
        except ConnectionLostError as error:
            self._connected = False
            raise AnsibleConnectionFailure(f"windows_host: {error}") from error
        except UnknownRequestError as error:
            raise AnsibleError(f"the simulated Windows machine does not know this: {error}") from error

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        try:
            self._host().put(self._shell._unquote(out_path), Path(in_path).read_bytes())
        except ConnectionLostError as error:
            raise AnsibleConnectionFailure(f"windows_host: {error}") from error

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        try:
            content = self._host().fetch(self._shell._unquote(in_path))
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"windows_host: {error}") from error
        except ConnectionLostError as error:
            raise AnsibleConnectionFailure(f"windows_host: {error}") from error
        Path(out_path).write_bytes(content)

    def reset(self) -> None:
        self.close()
        self._connect()

    def close(self) -> None:
        self._connected = False

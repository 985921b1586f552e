# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core sends to a Windows machine, taken apart.

ansible-core 2.19 starts ``PowerShell … -EncodedCommand`` with a bootstrap script and gives it, on its standard input, two
JSON documents with a line of four NUL bytes between them: the exec wrapper, and a manifest whose ``actions`` end with
``module_wrapper.ps1``, the module's name and its arguments (ansible/executor/powershell/module_manifest.py). Without
standard input the encoded command is the request itself (win_reboot, removal of temporary folders).
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

SEPARATOR = b"\n\0\0\0\0\n"
COLLECTIONS = ("ansible_collections.ansible.windows.plugins.modules.", "ansible.builtin.", "ansible.legacy.")
CHECK_MODE = re.compile(r"supports_check_mode\s*=?\s*\$true|_ansible_check_mode", re.IGNORECASE)


class UnknownRequestError(Exception):
    """The simulated machine does not know what was asked; it never guesses."""


@dataclass(frozen=True)
class ModuleCall:
    """A module that is to run.

    :ivar name: without its collection, as ``win_regedit``.
    :ivar arguments: as the task gave them, without Ansible's own.
    :ivar supports_check_mode: the module's own source says so.
    :ivar job: the id of an asynchronous run, or None.
    """

    name: str
    arguments: dict[str, Any]
    check_mode: bool
    supports_check_mode: bool
    diff_mode: bool = False
    job: str | None = None
    become_user: str | None = None


@dataclass(frozen=True)
class CoreScript:
    """One of ansible-core's own scripts, as powershell_mkdtemp.ps1."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CommandLine:
    """A command or PowerShell text that is run as it is."""

    text: str


Request = ModuleCall | CoreScript | CommandLine


def decoded(command: str) -> str:
    """The text of an ``-EncodedCommand``, or the command itself."""
    words = shlex.split(command, posix=False)
    lowered = [word.lower() for word in words]
    if "-encodedcommand" in lowered:
        return base64.b64decode(words[lowered.index("-encodedcommand") + 1]).decode("utf-16-le")
    return command


def parse(command: str, given: bytes | None) -> Request:
    """Find out what is asked.

    :param command: the command line that the connection was given.
    :param given: its standard input.
    :raises UnknownRequestError: it is nothing that ansible-core 2.19 is known to send.
    """
    if not given:
        return CommandLine(decoded(command))
    parts = given.split(SEPARATOR)
    if len(parts) < 2 or json.loads(parts[0]).get("name") != "exec_wrapper":
        raise UnknownRequestError(f"standard input of an unknown form: {given[:200]!r}")
    manifest = json.loads(parts[1])
    actions = {action["name"]: action for action in manifest["actions"]}
    last = manifest["actions"][-1]
    if last["name"] != "module_wrapper.ps1":
        return CoreScript(last["name"], last["params"])
    return _module(manifest, actions, last["params"])


def _module(manifest: dict[str, Any], actions: dict[str, Any], params: dict[str, Any]) -> ModuleCall:
    script = params["Script"]
    collection = next((one for one in COLLECTIONS if script.startswith(one)), None)
    if collection is None or not script.endswith(".ps1"):
        raise UnknownRequestError(f"a module of another collection: {script}")
    values = [one["Value"] for one in params.get("Variables", ()) if one["Name"] == "complex_args"]
    if len(values) != 1:
        raise UnknownRequestError(f"{script} came without its arguments")
    source = base64.b64decode(manifest["scripts"][script]["script"]).decode()
    own = {name: value for name, value in values[0].items() if not name.startswith("_ansible_")}
    become = actions.get("become_wrapper.ps1")
    return ModuleCall(
        name=script.removeprefix(collection).removesuffix(".ps1"),
        arguments=own,
        check_mode=bool(values[0].get("_ansible_check_mode")),
        supports_check_mode=bool(CHECK_MODE.search(source)),
        diff_mode=bool(values[0].get("_ansible_diff")),
        job=actions["async_wrapper.ps1"]["params"]["AsyncJid"] if "async_wrapper.ps1" in actions else None,
        become_user=become["params"].get("BecomeUser") if become else None,
    )

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What running inside the controller borrows and gives back. How it behaves is tested with real playbooks."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from ansible.module_utils import basic
from ansible_collections.goldenimage.azure.plugins.plugin_utils import _in_controller

if TYPE_CHECKING:
    from pathlib import Path


def test_the_same_interpreter_by_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binaries = tmp_path / "venv" / "bin"
    binaries.mkdir(parents=True)
    system = tmp_path / "python3.11"
    system.write_text("#!/bin/sh\n")
    system.chmod(0o755)
    (binaries / "python3").symlink_to(system)
    (binaries / "python").symlink_to("python3")
    monkeypatch.setattr(sys, "executable", str(binaries / "python3"))
    assert _in_controller._is_this(None)
    assert _in_controller._is_this(str(binaries / "python"))
    monkeypatch.setenv("PATH", str(binaries))
    assert _in_controller._is_this("python")
    assert not _in_controller._is_this(str(system)), "the system's interpreter does not see the environment's packages"
    assert not _in_controller._is_this("/nowhere/python3")


def test_environment_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_KEPT", "before")
    monkeypatch.delenv("PROBE_NEW", raising=False)
    with _in_controller._environment({"PROBE_KEPT": "during", "PROBE_NEW": 1}):
        assert (os.environ["PROBE_KEPT"], os.environ["PROBE_NEW"]) == ("during", "1")
        os.environ["PROBE_STRAY"] = "set by the module"
    assert os.environ["PROBE_KEPT"] == "before"
    assert not {"PROBE_NEW", "PROBE_STRAY"} & set(os.environ)


def test_module_state_is_restored() -> None:
    before = basic._ANSIBLE_ARGS
    with _in_controller._module_state(b"{}"):
        assert basic._ANSIBLE_ARGS == b"{}"
    assert basic._ANSIBLE_ARGS is before


@pytest.mark.parametrize(("end", "code"), [(0, 0), (3, 3), (None, 0), ("text", 1)])
def test_a_module_is_called_as_a_program(end: object, code: int) -> None:
    def main() -> None:
        print("answer")
        print("noise", file=sys.stderr)
        sys.exit(end)  # type: ignore[arg-type]

    response = _in_controller._call(SimpleNamespace(main=main))
    assert response == {"stdout": "answer\n", "stderr": "noise\n", "rc": code}

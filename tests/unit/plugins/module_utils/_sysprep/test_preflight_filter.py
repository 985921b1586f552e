# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as Ansible sees it: templated, with tagged values, and its refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.filter import sysprep_preflight

from .machines import changed, server


def test_it_is_registered_under_its_name() -> None:
    filters = sysprep_preflight.FilterModule().filters()
    assert list(filters) == ["sysprep_preflight"]
    assert yaml.safe_load(sysprep_preflight.DOCUMENTATION)["name"] == "sysprep_preflight"


def test_what_is_documented_is_what_comes() -> None:
    found = sysprep_preflight.sysprep_preflight(changed(server(), {"cdrom.start": 4}))
    (returned,) = yaml.safe_load(sysprep_preflight.RETURN).values()
    assert set(returned["contains"]) == set(found)
    assert set(returned["contains"]["findings"]["contains"]) == set(found["findings"][0])


@pytest.mark.parametrize("value", [None, "text", [1], {"schema": 7}])
def test_what_are_no_facts_is_refused_with_a_remedy(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match=r"sysprep_preflight: .*collect_facts\.ps1"):
        sysprep_preflight.sysprep_preflight(value)


def test_in_a_playbook(tmp_path: Path) -> None:
    """Facts as they come from a registered variable, which ansible-core wraps and tags."""
    (tmp_path / "facts.json").write_text(json.dumps(changed(server(), {"pending_reboot.computer_name": "NEW"})))
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.command": f"cat {tmp_path / 'facts.json'}",
                "register": "collected",
                "changed_when": False,
            },
            {
                "ansible.builtin.assert": {
                    "that": [
                        "found.verdict == 'unsafe'",
                        "found.findings | map(attribute='rule') | list == ['reboot.computer_name']",
                        "found.findings[0].evidence[0].value == 'NEW, now BUILD-1'",
                    ]
                },
                "vars": {"found": "{{ collected.stdout | from_json | goldenimage.azure.sysprep_preflight }}"},
            },
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [
        Path(sys.executable).with_name("ansible-playbook"),
        "-i",
        "localhost,",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        tmp_path / "play.yml",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

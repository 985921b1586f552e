# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of the integration tests, and a way to run one.

A target is a role in ``tests/integration/targets/<module>``, as for ``ansible-test integration``. It is given
``test_resource_group`` (an existing, empty group), ``test_location``, ``test_public_key``, ``test_password``,
``output_dir`` (an empty folder), ``emulator_data`` (where the request log lies), and the task files of setup_cycle.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
ROLES = REPOSITORY / "tests" / "integration" / "targets"
NEWEST = Path(sys.executable).parent
# The oldest releases that the collection promises; made by tools/setup.sh.
FLOOR = REPOSITORY / ".venv-floor" / "bin"
TASKS = ("step", "refused", "os_disk")


def names() -> list[str]:
    """All targets, but for the roles that only help others."""
    found = (path.parent.parent.name for path in ROLES.glob("*/tasks/main.yml"))
    return sorted(name for name in found if not name.startswith("setup_"))


def speaks_to_azure(target: str) -> bool:
    """Whether the module of a target needs an Azure at all."""
    return "cloud/azure" in (ROLES / target / "aliases").read_text()


@dataclass(frozen=True)
class Run:
    """One run of a target.

    :ivar group: the name of its resource group.
    :ivar folder: an empty one.
    :ivar inside: in the controller, otherwise as an ordinary module.
    """

    target: str
    group: str
    folder: Path
    public_key: str
    binaries: Path = NEWEST
    inside: bool = True

    def play(self) -> list[dict[str, object]]:
        """Make the target's resource group, then do what the target does."""
        group = {"name": "{{ test_resource_group }}", "location": "{{ test_location }}"}
        return [
            {
                "name": f"Target {self.target}",
                "hosts": "localhost",
                "gather_facts": False,
                "pre_tasks": [{"name": "The target's resource group", "goldenimage.azure.resource_group": group}],
                "roles": [{"role": str(ROLES / self.target)}],
            }
        ]

    def go(self, data: Path, environment: Mapping[str, str], **variables: Any) -> str:
        """Run it and return what it printed.

        :param data: where the local Azure keeps its request log.
        :param environment: what points at that Azure.
        :raises AssertionError: it failed.
        """
        playbook = self.folder / "target.yml"
        playbook.write_text(yaml.safe_dump(self.play(), sort_keys=False))
        variables = {
            "test_resource_group": self.group.replace("_", "-"),
            "test_location": "westeurope",
            "test_public_key": self.public_key,
            "test_password": f"Aa1-{secrets.token_urlsafe(12)}",
            "output_dir": str(self.folder),
            "emulator_data": str(data),
            "ansible_python_interpreter": str(self.binaries / "python"),
            "goldenimage_run_in_controller": self.inside,
            **{f"{name}_tasks": str(ROLES / "setup_cycle" / "tasks" / f"{name}.yml") for name in TASKS},
            **variables,
        }
        command = [str(self.binaries / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(playbook)]
        done = subprocess.run(
            [*command, "-e", json.dumps(variables)],
            env={**os.environ, **environment, "PATH": f"{self.binaries}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

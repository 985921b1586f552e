# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module's target, inside the controller and as ordinary modules, at both ends of the SDK range.

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
from pathlib import Path

import pytest
import yaml

from .conftest import REPOSITORY, LocalAzure

ROLES = Path(__file__).parent / "targets"
TARGETS = sorted(
    path.parent.parent.name for path in ROLES.glob("*/tasks/main.yml") if not path.is_relative_to(ROLES / "setup_vhd")
)
# The oldest releases that the collection promises; made by tests/run.sh.
FLOOR = REPOSITORY / ".venv-floor" / "bin"
NEWEST = Path(sys.executable).parent


def play(target: str) -> list[dict[str, object]]:
    """One play: make the target's resource group, then do what the target does."""
    group = {"name": "{{ test_resource_group }}", "location": "{{ test_location }}"}
    return [
        {
            "name": f"Target {target}",
            "hosts": "localhost",
            "gather_facts": False,
            "pre_tasks": [{"name": "The target's resource group", "goldenimage.azure.resource_group": group}],
            "roles": [{"role": str(ROLES / target)}],
        }
    ]


@pytest.fixture(scope="session")
def public_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], check=True)
    return key.with_suffix(".pub").read_text().strip()


@pytest.mark.parametrize("sdk", ["newest", "floor"])
@pytest.mark.parametrize("way", ["controller", "ordinary"])
@pytest.mark.parametrize("target", TARGETS)
def test_target(azure: LocalAzure, public_key: str, tmp_path: Path, target: str, way: str, sdk: str) -> None:
    binaries = FLOOR if sdk == "floor" else NEWEST
    playbook = tmp_path / "target.yml"
    playbook.write_text(yaml.safe_dump(play(target), sort_keys=False))
    variables = {
        "test_resource_group": f"it-{target}-{way}-{sdk}".replace("_", "-"),
        "test_location": "westeurope",
        "test_public_key": public_key,
        "test_password": f"Aa1-{secrets.token_urlsafe(12)}",
        "output_dir": str(tmp_path),
        "emulator_data": str(azure.data),
        "ansible_python_interpreter": str(binaries / "python"),
        "goldenimage_run_in_controller": way == "controller",
        **{
            f"{name}_tasks": str(ROLES / "setup_cycle" / "tasks" / f"{name}.yml")
            for name in ("step", "refused", "os_disk")
        },
    }
    environment = {**os.environ, **azure.environment, "PATH": f"{binaries}:{os.environ['PATH']}"}
    command = [
        str(binaries / "ansible-playbook"),
        "-i",
        "localhost,",
        "-c",
        "local",
        str(playbook),
        "-e",
        json.dumps(variables),
    ]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path
    )
    assert run.returncode == 0, f"{run.stdout[-6000:]}\n{run.stderr[-3000:]}"

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module's target, inside the controller and as ordinary modules, at both ends of the SDK range.

A target is a role in ``tests/integration/targets/<module>``, as for ``ansible-test integration``. It is given
``test_resource_group`` (an existing, empty group), ``test_location`` and ``output_dir`` (an empty folder).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import REPOSITORY, LocalAzure

TARGETS = sorted(path.parent.parent.name for path in (Path(__file__).parent / "targets").glob("*/tasks/main.yml"))
# The oldest releases that the collection promises; made by tests/run.sh.
FLOOR = REPOSITORY / ".venv-floor" / "bin"
NEWEST = Path(sys.executable).parent


def play(target: str) -> list[dict[str, object]]:
    """One play that makes the target's resource group, runs the role, and removes the group whatever happened."""
    group = "/subscriptions/{{ lookup('env', 'AZURE_SUBSCRIPTION_ID') }}/resourceGroups/{{ test_resource_group }}"
    return [
        {
            "name": f"Target {target}",
            "hosts": "localhost",
            "gather_facts": False,
            "roles": [{"role": str(Path(__file__).parent / "targets" / target)}],
            "vars": {"test_group_id": group},
        }
    ]


@pytest.mark.parametrize("sdk", ["newest", "floor"])
@pytest.mark.parametrize("way", ["controller", "ordinary"])
@pytest.mark.parametrize("target", TARGETS)
def test_target(azure: LocalAzure, tmp_path: Path, target: str, way: str, sdk: str) -> None:
    binaries = FLOOR if sdk == "floor" else NEWEST
    group = f"it-{target}-{way}-{sdk}".replace("_", "-")
    azure.command("group", group, "--location", "westeurope")
    playbook = tmp_path / "target.yml"
    playbook.write_text(yaml.safe_dump(play(target), sort_keys=False))
    variables = {"test_resource_group": group, "test_location": "westeurope", "output_dir": str(tmp_path), "test_way": way}
    if way == "ordinary":
        variables["goldenimage_run_in_controller"] = False
    environment = {**os.environ, **azure.environment, "PATH": f"{binaries}:{os.environ['PATH']}"}
    command = [str(binaries / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(playbook), "-e", json.dumps(variables)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path)
    assert run.returncode == 0, f"{run.stdout[-6000:]}\n{run.stderr[-3000:]}"

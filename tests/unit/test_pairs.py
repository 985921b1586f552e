# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to exist in pairs: a module and its action, and the group that ``module_defaults`` uses."""

from __future__ import annotations

from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = {path.stem: path for path in (REPOSITORY / "plugins" / "modules").glob("*.py")}
ACTIONS = {path.stem: path for path in (REPOSITORY / "plugins" / "action").glob("*.py")}
STUB = [
    "from __future__ import annotations",
    "from ansible_collections.goldenimage.azure.plugins.plugin_utils._in_controller import ActionModule",
    '__all__ = ["ActionModule"]',
]


def runs_by_the_runtime(path: Path) -> bool:
    return "run_module(" in path.read_text()


def test_every_module_of_ours_has_its_action() -> None:
    assert {name for name, path in MODULES.items() if runs_by_the_runtime(path)} == set(ACTIONS)


def test_every_action_is_the_same_few_lines() -> None:
    for path in ACTIONS.values():
        code = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        assert code == STUB, path.name


def test_the_action_group_has_every_module_that_takes_credentials() -> None:
    group = yaml.safe_load((REPOSITORY / "meta" / "runtime.yml").read_text())["action_groups"]["azure"]
    assert group == sorted(name for name, path in MODULES.items() if "azure=True" in path.read_text())

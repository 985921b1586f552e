# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of windows_prepare as its README shows them: ``PYTHONPATH=tests python -m support.windows_settings`` rewrites it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.goldenimage.azure.plugins.module_utils._windows_settings import name_of

ROLE = Path(__file__).resolve().parents[2] / "roles" / "windows_prepare"
README = ROLE / "README.md"
TABLE = re.compile(
    r"(?<=<!-- settings: generated from vars/settings.yml -->\n).*?(?=<!-- end of settings -->)", re.DOTALL
)


def settings() -> list[dict[str, Any]]:
    """The role's data file, with its variables as they are written."""
    loaded = yaml.safe_load((ROLE / "vars" / "settings.yml").read_text(encoding="utf-8"))
    return loaded["__windows_prepare_settings"]  # type: ignore[no-any-return]


def value_of(setting: dict[str, Any]) -> str:
    """What a setting should be, in words."""
    rule = setting.get("rule") or {}
    plain = {
        "service": lambda: setting["start_mode"],
        "bcd": lambda: setting["shown"],
        "power_scheme": lambda: setting["alias"],
        "power_value": lambda: str(setting["value"]),
        "firewall_profile": lambda: "enabled",
        "firewall_group": lambda: "all rules enabled",
        "firewall_rule": lambda: ", ".join(str(one) for one in rule.values() if not isinstance(one, list)) or "enabled",
        "listener": lambda: f"port {setting['port']}",
        "right": lambda: f"{'with' if setting['action'] == 'add' else 'without'} {', '.join(setting['users'])}",
        "proxy": lambda: "none, or `windows_prepare_proxy`",
        "routes": lambda: "none",
        "port": lambda: f"only {setting['service']}",
        "product": lambda: "not installed",
        "capability": lambda: "installed",
    }
    if setting["kind"] in ("path", "registry_key") or setting.get("absent"):
        return "absent"
    if setting["kind"] == "registry":
        return f"{setting['type']} `{', '.join(setting['data']) if isinstance(setting['data'], list) else setting['data']}`"
    return plain[setting["kind"]]()


def table() -> str:
    """The settings as a table in Markdown."""
    lines = ["| topic | setting | value | why |", "|---|---|---|---|"]
    for one in settings():
        edition = f" ({one['edition']})" if one.get("edition") else ""
        value = value_of(one).replace("|", "\\|")
        lines.append(f"| `{one['topic']}` | `{name_of(one)}`{edition} | {value} | {one['why']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(TABLE.sub(lambda _found: table(), README.read_text(encoding="utf-8")), encoding="utf-8")

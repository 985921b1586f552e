# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter windows_differences: how a Windows machine differs from what an Azure image needs."""

from __future__ import annotations

DOCUMENTATION = r"""
name: windows_differences
author: goldenimage.azure contributors (@goldenimage)
short_description: How a Windows machine differs from the settings it should have
version_added: 0.1.0
description:
  - Compares the settings of the role C(windows_prepare) with what Ansible's own Windows modules read from a machine.
  - A setting for which nothing was read is an error, never an agreement.
positional: _input, found
options:
  _input:
    description: The settings, as in C(roles/windows_prepare/vars/settings.yml).
    type: list
    elements: dict
    required: true
  found:
    description:
      - What was read, by where it came from, with each module's own result. C(registry) has one M(ansible.windows.win_reg_stat)
        for each key in C(item), C(services) what M(ansible.windows.win_service_info) returned, C(bcd) and C(power) the output of C(bcdedit)
        and C(powercfg), C(rights) what M(ansible.windows.win_user_right) would change, C(proxy) the diff of
        M(ansible.windows.win_http_proxy), C(paths) one M(ansible.windows.win_stat) for each path, C(survey) what the role's C(survey.ps1) collected.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: One registry value
  ansible.builtin.debug:
    msg: "{{ settings | goldenimage.azure.windows_differences({'registry': [key]}) }}"
  vars:
    settings:
      - {topic: cdrom, kind: registry, key: 'HKLM:\SYSTEM\CurrentControlSet\Services\cdrom', name: Start, type: dword, data: 1}
    key:
      item: HKLM:\SYSTEM\CurrentControlSet\Services\cdrom
      exists: true
      properties: {Start: {type: REG_DWORD, value: 4, raw_value: 4}}
"""

RETURN = r"""
_value:
  description:
    - One entry for each setting that is not as it should be. C(id) names the setting, C(topic) the role's topic, C(wanted) and C(found)
      say what should be there and what is, as text, and C(setting) is the setting itself.
  type: list
  elements: dict
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._windows_settings import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def windows_differences(settings: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compare settings with what was read from a machine."""
    try:
        return differences(settings, found)
    except InvalidInput as error:
        raise AnsibleFilterError(f"windows_differences: {error}") from error


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"windows_differences": windows_differences}

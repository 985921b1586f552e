# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter windows_setting_names: what settings of Windows are called."""

from __future__ import annotations

DOCUMENTATION = r"""
name: windows_setting_names
author: goldenimage.azure contributors (@goldenimage)
short_description: The names of settings of Windows
version_added: 0.1.0
description:
  - Gives the names that the role C(windows_prepare) shows in its table and P(goldenimage.azure.windows_differences#filter) in C(id).
options:
  _input:
    description: The settings, as in C(roles/windows_prepare/vars/settings.yml).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: What windows_prepare_except may name
  ansible.builtin.debug:
    msg: "{{ settings | goldenimage.azure.windows_setting_names }}"
  vars:
    settings:
      - {topic: services, kind: service, name: RemoteRegistry, start_mode: auto}
"""

RETURN = r"""
_value:
  description: One name for each setting, in their order, such as C(service RemoteRegistry).
  type: list
  elements: str
"""

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._windows_settings import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def windows_setting_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name settings, in their order.

    :raises AnsibleFilterError: they are no list of settings, or one is of no known kind.
    """
    try:
        return names(settings)
    except InvalidInput as error:
        raise AnsibleFilterError(f"windows_setting_names: {error}") from error


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"windows_setting_names": windows_setting_names}

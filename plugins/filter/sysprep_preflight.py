# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: sysprep_preflight
short_description: Tell from the facts of a Windows machine whether Sysprep is safe now
description:
  - Judges facts that the script C(roles/windows_generalize/files/collect_facts.ps1) collected on a Windows machine, and
    changes nothing anywhere.
  - A fact that is missing or that could not be collected is never taken for a good one. What it leaves open is a finding of
    its own, and the verdict is then V(unknown) at best.
  - The rules are listed in L(docs/windows.md, https://github.com/goldenimage/goldenimage.azure/blob/main/docs/windows.md).
    They were written after Microsoft's documentation and have not been tried on real Windows yet.
options:
  _input:
    description:
      - The object that the script returns.
      - With M(ansible.windows.win_powershell) it is C(result) of the registered variable.
    type: dict
    required: true
author:
  - goldenimage.azure contributors (@goldenimage)
"""

EXAMPLES = r"""
# The script is in roles/windows_generalize/files of this collection; copy it to files/ beside your playbook.
- name: Collect the facts
  ansible.windows.win_powershell:
    script: "{{ lookup('ansible.builtin.file', 'collect_facts.ps1') }}"
    depth: 6
  register: collected

- name: Judge them
  ansible.builtin.set_fact:
    preflight: "{{ collected.result | goldenimage.azure.sysprep_preflight }}"

- name: Do not go on unless Sysprep is safe
  ansible.builtin.assert:
    that: preflight.verdict == 'safe'
    fail_msg: "{{ preflight.findings | map(attribute='rule') | join(', ') }}"
"""

RETURN = r"""
_value:
  description: The verdict and what it rests on.
  type: dict
  contains:
    verdict:
      description:
        - V(unsafe) when a finding of severity V(error) was found.
        - V(unknown) when there is none, but something could not be decided.
        - V(safe) otherwise. Warnings may still be among the findings.
      type: str
      choices: [safe, unsafe, unknown]
    findings:
      description: What was found and what could not be decided, the worst first.
      type: list
      elements: dict
      contains:
        rule:
          description: The rule's name, which stays the same.
          type: str
        title:
          description: What the rule demands.
          type: str
        result:
          description: V(found), or V(unknown) when the facts do not decide it.
          type: str
        severity:
          description: V(error), V(warning) or V(info).
          type: str
        evidence:
          description: Facts (C(fact)) and what they say (C(value)), or why they are not known.
          type: list
          elements: dict
        cause:
          description: Why it matters.
          type: str
        remedy:
          description: What to do.
          type: str
        repair:
          description: The name of a repair that can be asked for; null when there is none.
          type: str
        source:
          description: Where the demand comes from.
          type: str
    counts:
      description: How many findings are V(error), V(warning), V(info) and V(unknown), and how many rules passed (V(pass)).
      type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import preflight


def sysprep_preflight(facts: Any) -> dict[str, Any]:
    try:
        return preflight(facts)
    except InvalidInput as error:
        raise AnsibleFilterError(f"sysprep_preflight: {error}") from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        return {"sysprep_preflight": sysprep_preflight}

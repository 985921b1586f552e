# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that all modules share that read one kind of resource."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  resource_group:
    description: Only those in this resource group. Without it those of the whole subscription.
    type: str
  name:
    description: Only the one with this name. Needs O(resource_group). What does not exist gives an empty list.
    type: str
  tags:
    description: Only those that have all of these tags. An empty value asks only for the tag's name.
    type: dict
"""

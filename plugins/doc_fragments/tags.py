# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for the tags of a resource."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  tags:
    description:
      - Tags the resource shall have, names and values.
      - Left out, the tags stay as they are.
    type: dict
  append_tags:
    description:
      - V(true) adds O(tags) to those the resource has; V(false) makes them the only ones, so that an empty dictionary
        removes all.
    type: bool
    default: true
"""

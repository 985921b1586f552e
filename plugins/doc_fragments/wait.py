# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option for how long to wait; who does not want to wait uses Ansible's own async."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - Seconds to wait for each operation. When they are over the task fails, and the operation goes on in Azure; a
        repeated task waits for it.
    type: int
    default: 3600
"""

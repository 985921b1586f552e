# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests steer: reset, request log, settings (latency, clock, faults, throttling), guest events, seeds, the dump."""

from __future__ import annotations

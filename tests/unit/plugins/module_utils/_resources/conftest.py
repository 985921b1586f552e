# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The https server of the session's tests."""

from __future__ import annotations

from _azure.conftest import azure, certificate, clock, environment, params, session

__all__ = ["azure", "certificate", "clock", "environment", "params", "session"]

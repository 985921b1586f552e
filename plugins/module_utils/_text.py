# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that somebody else wrote, made fit to be shown."""

from __future__ import annotations

_LONGEST = 200


def printable(text: object, longest: int = _LONGEST) -> str:
    """Return text from a disk or a machine without control characters, which could steer a terminal, and not too long."""
    clean = "".join(char if char.isprintable() else "?" for char in str(text).replace("\t", " ").replace("\n", " "))
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"

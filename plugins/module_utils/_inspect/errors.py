# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong while a disk is read, in two kinds: nothing there, or there and not readable."""

from __future__ import annotations


class Unreadable(Exception):  # noqa: N818  # reads as what happened
    """Something exists and cannot be read: damaged, encrypted, or of a kind without a reader.

    A check that meets it is *unknown*, never passed.
    """

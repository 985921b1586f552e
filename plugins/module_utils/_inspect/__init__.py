# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look inside a disk without mounting it: what is on it, is it generalized, is it ready for Azure.

``contain`` (the caller's process) starts ``child`` and answers its reads from any ``_vhd`` source; everything that
parses what the disk says happens in that child, which has limits on time and memory and is not given the disk file.
Inside the child: ``contents`` names what a partition holds, ``filesystems`` and ``tree`` read files, ``linux`` and
``windows`` collect facts, ``checks*`` judge them, ``table`` shows the result to people. See docs/inspect.md.
"""

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process behind the disk_image connection: it mounts a disk file privately and runs commands in it.

It runs as a program of its own (``python -m _disk_keeper``) and therefore imports nothing but the standard library
and its own modules. The connection plugin talks to it through `client`.
"""

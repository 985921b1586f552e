# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk files: what they are, what is in them, and how they become what Azure accepts.

footer      the 512 bytes that make a raw disk a fixed VHD
formats     which format a file has, by its content
partitions  MBR and GPT; the GPT backup moved to a new end
sources     any disk as a size, extents and reads
azure_disk  a source as Azure wants it: whole MiB, GPT backup at the end, footer
validate    what is wrong with a file, how bad it is, what to do about it
qemu        formats that are read through qemu-img
page_blob   the page blob calls, with retries, over kept-alive connections
sinks       where bytes go: a page blob, a file
transfer    a source to a sink over several connections, and the fingerprint of what was sent

Nothing here knows Azure's management API.
"""

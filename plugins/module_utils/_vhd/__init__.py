# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk files: what they are, what is in them, and how they become what Azure accepts.

footer      the 512 bytes that make a raw disk a fixed VHD
formats     which format a file has, by its content
partitions  MBR and GPT; the GPT backup moved to a new end
sources     any disk as a size, extents and reads
opening     from a file or address of any format to a source
reading     the options for that
remote      files behind an http or https address
packing     gzip, xz, zstd, bzip2 and tar
spool       private temporary files
locks       one writer or many readers
headers     what a header says of other files, encryption and completeness
chains      backing files, parents and extents, opened only where that is safe
growing_vhd dynamic and differencing VHD
joined      flat VMDK
qemu_nbd    VHDX, qcow2, VDI and sparse VMDK, read by a process that ends with us
nbd         its protocol
qemu_img    the programs of QEMU; a raw disk as qcow2 or VHDX
azure_disk  a source as Azure wants it: whole MiB, GPT backup at the end, footer
validate    what is wrong with a file, how bad it is, what to do about it
pacing      how many requests at once, how many bytes a second
connections kept-alive connections, proxies, certificates
blob_client requests to a blob: permission, retries
page_blob   the page blob calls
blob_source a fixed VHD in a page blob or behind a disk's SAS, as a source
sinks       where bytes go: a page blob, a file
build       a fixed VHD file
journal     which parts of a file were received
runs        runs of bytes, compared
transfer    a source to a sink over several connections, and the fingerprint of what was sent

Nothing here knows Azure's management API.
"""

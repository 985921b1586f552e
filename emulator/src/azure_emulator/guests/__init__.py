# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in a virtual machine: a real system in QEMU that finds on its wire what it would find in Azure.

    model.py      who the guest is: names, administrator, keys, network card
    imds.py       the instance metadata service, http://169.254.169.254
    wireserver.py the wire server, http://168.63.129.16: goal state and the ready report
    metadata.py   both of them served on a Unix socket each
    relay.py      what QEMU starts for every connection of the guest to one of them
    media.py      the provisioning CD with ovf-env.xml
    qemu.py       the machine itself

Nothing here knows the rest of the emulator, so a test can boot a disk without it.
"""

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect standard input and output with a Unix socket: QEMU starts this for each connection the guest opens.

Run by file name with ``python -I -S``, so that it starts fast; it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import select
import socket
import sys

CHUNK = 1 << 16


def relay(path: str) -> None:
    """Copy both ways until the service has said all it wanted to say."""
    with socket.socket(socket.AF_UNIX) as service:
        service.connect(path)
        sources = [0, service.fileno()]
        while True:
            for ready in select.select(sources, [], [])[0]:
                data = os.read(ready, CHUNK)
                if ready == 0 and data:
                    service.sendall(data)
                elif ready == 0:
                    sources.remove(0)
                    service.shutdown(socket.SHUT_WR)
                elif data:
                    while data:
                        data = data[os.write(1, data) :]
                else:
                    return


if __name__ == "__main__":
    relay(sys.argv[1])

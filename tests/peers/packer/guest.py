# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in for the machine that Packer works on: an SSH server on the loopback interface, run as a program.

It is a jump host too: whatever address a client wants to reach through it is this same server, because the public
addresses of the local Azure lead nowhere. Commands run as the user of the tests, in the folder that is given.

    python guest.py FOLDER        prints its port once it listens; any key and any password is accepted
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import asyncssh

if TYPE_CHECKING:
    from collections.abc import Awaitable

# Debian's Packer is of 2020 and signs with SHA-1.
_SIGNATURES = ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "ssh-ed25519", "ecdsa-sha2-nistp256")


class Guest(asyncssh.SSHServer):
    """One connection; ``port`` is the server's own."""

    port = 0
    _connection: asyncssh.SSHServerConnection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return True

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Awaitable[Any]:
        return self._connection.forward_connection("127.0.0.1", self.port)


async def main(folder: str) -> None:
    async def command(process: asyncssh.SSHServerProcess[bytes]) -> None:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", process.command or "exec sh"), cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe
        )
        await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr, send_eof=False)
        code = await child.wait()
        await process.stdout.drain()
        process.exit(code)

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Guest,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=command,
        encoding=None,
        signature_algs=list(_SIGNATURES),
    )
    Guest.port = server.get_port()
    print(Guest.port, flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

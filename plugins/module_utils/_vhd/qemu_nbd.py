# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk formats read by ``qemu-nbd``, a process of its own that ends with us.

* It opens nothing but the descriptors it inherits (or, for a VMDK in several files, names that were checked before):
  drivers and backing files are stated one by one, so that a header written by somebody else decides nothing.
* It has no socket that others could find: the listening socket is handed over as systemd does it, our connections wait
  in it already, and its name is gone before the program starts.
* It ends when our last connection does, because it is not ``--persistent``. Should we die before it knows any
  connection, the kernel kills it (``PR_SET_PDEATHSIG``).
* It cannot gain privileges, dump core, or take more than ``_MEMORY`` of address space.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import formats, nbd
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.qemu_img import program
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import (
    Extent,
    FileSource,
    Kind,
    Source,
    merged,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DRIVERS = {
    formats.DYNAMIC_VHD: "vpc",
    formats.VHDX: "vhdx",
    formats.QCOW2: "qcow2",
    formats.VMDK: "vmdk",
    formats.VDI: "vdi",
}
_CONNECTIONS = 4
_TIMEOUT = 120.0  # seconds without a byte until the reader counts as stuck
_MEMORY = 4 << 30
_SOUND = (0, 3, 63)  # nothing found; space that is lost but no harm; a format that has nothing to check
_REMEDY = "It is damaged, cut off or in use: shut down what uses it, or copy it again."
_CHECKED = ("qcow2", "vmdk", "vdi")  # drivers; qemu checks a VHDX when it opens it
# PR_SET_PDEATHSIG (1) with SIGKILL, PR_SET_NO_NEW_PRIVS (38): linux/prctl.h. The parent may have died before.
_LAUNCHER = """
import ctypes, os, resource, sys
parent, memory, listener = map(int, sys.argv[1:4])
prctl = ctypes.CDLL(None).prctl
prctl(1, 9, 0, 0, 0)
prctl(38, 1, 0, 0, 0)
if os.getppid() != parent:
    os._exit(1)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
os.environ["LC_ALL"] = "C"
if listener >= 0:
    if listener != 3:
        os.dup2(listener, 3)
    os.set_inheritable(3, True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[4], sys.argv[4:])
"""


class QemuSource(Source):
    """A disk that ``qemu-nbd`` reads.

    :param files: the files it is made of, the one that was named first; they are held against writers, and closed
        with the source.
    :param node: how qemu shall open them, as ``blockdev-add`` takes it.
    :param format: the name from ``formats``.
    :raises InvalidInput: damaged, or in use by a machine.
    :raises MissingDependency: no qemu-nbd.
    """

    def __init__(self, files: Sequence[FileSource], node: dict[str, Any], *, format: str) -> None:  # noqa: A002
        self.path = files[0].path
        self.format = format
        self._files = list(files)
        _check(files, node, format)
        self._process, links = _start(node, [file.fd for file in files])
        try:
            self._client = nbd.Client(links)
        except nbd.ProtocolError as error:
            for link in links:
                link.close()
            raise self._refused(error) from error
        except BaseException:
            for link in links:
                link.close()
            _end(self._process)
            raise
        self.size = self._client.size

    def extents(self) -> Iterator[Extent]:
        return merged(self._raw_extents())

    def _raw_extents(self) -> Iterator[Extent]:
        position = 0
        try:
            for run in self._client.status():
                # What is a hole without being zero may hold anything.
                kind = (Kind.HOLE if run.hole else Kind.ZERO) if run.zero else Kind.DATA
                yield Extent(position, run.length, kind)
                position += run.length
        except nbd.ProtocolError as error:
            raise self._broken(error) from error

    def readinto(self, offset: int, buffer: memoryview) -> None:
        try:
            self._client.readinto(offset, buffer)
        except nbd.ProtocolError as error:
            raise self._broken(error) from error

    def verify_unchanged(self) -> None:
        for file in self._files:
            file.verify_unchanged()

    def close(self) -> None:
        self._client.close()
        _end(self._process)
        for file in self._files:
            file.close()

    def _refused(self, error: nbd.ProtocolError) -> InvalidInput:
        said = message(_end(self._process), self.path) or str(error)
        return InvalidInput(
            f"{self.path} cannot be read as {self.format}: {said}.",
            remedy=_REMEDY,
        )

    def _broken(self, error: nbd.ProtocolError) -> GoldenImageError:
        return GoldenImageError(
            f"{self.path} could not be read to its end: {error}.",
            remedy="Check it with qemu-img check, and that nothing writes to it.",
        )


def protocol_node(file: FileSource) -> dict[str, Any]:
    """Say how qemu shall open the file behind a descriptor that it inherits."""
    node: dict[str, Any] = {"driver": "file", "filename": f"/proc/self/fd/{file.fd}"}
    if file.start:
        node = {"driver": "raw", "offset": file.start, "size": file.size, "file": node}
    return node


# How a last line begins that says no more than that it failed.
_UNOPENED = ("Failed to blk_new_open '", "Could not open '")


def message(said: bytes, path: str) -> str:
    """Return what a qemu program said, as a part of a sentence: its last line, or the one before that has the reason."""
    lines = said.decode(errors="replace").strip().splitlines()
    texts = [line.removeprefix("qemu-nbd: ").removeprefix("qemu-img: ") for line in lines]
    text = texts[-1] if texts else ""
    if text.startswith(_UNOPENED):
        text = texts[-2] if len(texts) > 1 else text.rpartition("': ")[2]
    return text.replace(os.path.abspath(path), os.path.basename(path)).rstrip(".")


def _start(node: dict[str, Any], inherited: list[int]) -> tuple[subprocess.Popen[bytes], list[socket.socket]]:
    qemu = program("qemu-nbd")
    with contextlib.ExitStack() as undo:
        listener = undo.enter_context(socket.socket(socket.AF_UNIX))
        links = [undo.enter_context(socket.socket(socket.AF_UNIX)) for _ignored in range(_CONNECTIONS + 1)]
        _join(listener, links)
        command = [qemu, "--read-only", f"--shared={len(links)}", "json:" + json.dumps(node)]
        process = subprocess.Popen(
            launched(command, listener.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[*inherited, listener.fileno()],
        )
        undo.pop_all()  # all but the listener, which is the reader's now, stays
    listener.close()
    return process, links


def _join(listener: socket.socket, links: list[socket.socket]) -> None:
    """Connect the links to the listener by a name that nobody else can use, and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            name = f"/proc/self/fd/{handle}/s"  # short, however long the folder's name: sockets allow 107 bytes
            listener.bind(name)
            listener.listen(len(links))
            for link in links:
                link.settimeout(_TIMEOUT)
                link.connect(name)
        finally:
            os.close(handle)


def launched(command: list[str], listener: int = -1) -> list[str]:
    """Return the command that runs another one contained; ``listener`` is the socket it shall listen on."""
    numbers = [str(os.getpid()), str(_MEMORY), str(listener)]
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, *numbers, *command]


def _check(files: Sequence[FileSource], node: dict[str, Any], format: str) -> None:  # noqa: A002
    """Refuse files whose tables are damaged or point behind their end: qemu reads zeros there, without a word.

    :raises InvalidInput: damaged, or in use.
    """
    layer: dict[str, Any] | None = node
    while layer is not None:
        below = layer.get("backing")
        if layer["driver"] in _CHECKED:
            _check_one(files, {**layer, "backing": None} if "backing" in layer else layer, format)
        layer = below


def _check_one(files: Sequence[FileSource], node: dict[str, Any], format: str) -> None:  # noqa: A002
    command = [program(), "check", "--output=json", "json:" + json.dumps(node)]
    path = files[0].path
    try:
        answer = subprocess.run(
            launched(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
            pass_fds=[file.fd for file in files],
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(f"{path} cannot be read as {format}: checking it does not end.", remedy=_REMEDY) from error
    if answer.returncode not in _SOUND:
        said = message(answer.stderr, path) or f"qemu-img check finds errors (status {answer.returncode})"
        raise InvalidInput(f"{path} cannot be read as {format}: {said}.", remedy=_REMEDY)


def _end(process: subprocess.Popen[bytes]) -> bytes:
    """Make sure that the process is gone; return what it said last."""
    said = b""
    with contextlib.suppress(subprocess.TimeoutExpired):
        said = process.communicate(timeout=5)[1] or b""
    process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
    return said

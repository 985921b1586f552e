# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client side of the network block device protocol: reads, and which ranges hold data.

Protocol: "The NBD protocol", doc/proto.md of the NBD project: fixed newstyle negotiation, simple replies for reads,
structured replies for ``NBD_CMD_BLOCK_STATUS`` with the ``base:allocation`` context. Integers are big-endian. The
server is believed in nothing: every length is checked against what was asked.
"""

from __future__ import annotations

import contextlib
import queue
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

_MAGIC = b"NBDMAGICIHAVEOPT"
_OPTION_REPLY = 0x0003_E889_0455_65A9
_REQUEST = struct.Struct(">IHHQQI")
_SIMPLE = struct.Struct(">IIQ")
_CHUNK = struct.Struct(">IHHQI")
_REQUEST_MAGIC = 0x2560_9513
_SIMPLE_MAGIC = 0x6744_6698
_STRUCTURED_MAGIC = 0x668E_33EF
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPT_GO, _OPT_STRUCTURED_REPLY, _OPT_SET_META_CONTEXT = 7, 8, 10
_REP_ACK, _REP_INFO, _REP_META_CONTEXT = 1, 3, 4
_INFO_EXPORT = 0
_CMD_READ, _CMD_DISCONNECT, _CMD_BLOCK_STATUS = 0, 2, 7
_CHUNK_DONE, _TYPE_NONE, _TYPE_BLOCK_STATUS, _TYPE_ERROR = 1, 0, 5, 1 << 15
_CONTEXT = b"base:allocation"
_LONGEST_TEXT = 64 << 10
_LONGEST_STATUS = 2 << 20
MAX_READ = 8 << 20
"""The most one request asks for; every server takes up to 32 MiB."""
_STATUS_SPAN = 1 << 31


class ProtocolError(Exception):
    """The server hung up, answered an error, or broke the protocol."""


@dataclass(frozen=True)
class Status:
    """A run of bytes: ``hole`` is not allocated, ``zero`` reads as zeros."""

    length: int
    hole: bool
    zero: bool


class Connection:
    """One negotiated connection; for one thread at a time.

    :param link: a connected stream socket with a time-out; it is closed with the connection.
    :param status: whether :meth:`block_status` will be asked.
    """

    def __init__(self, link: socket.socket, *, status: bool = False) -> None:
        self._link = link
        self._cookie = 0
        self._context: int | None = None
        with _failures():
            self.size = self._negotiate(status=status)

    def _negotiate(self, *, status: bool) -> int:
        if self._take(16) != _MAGIC:
            raise ProtocolError("it does not speak NBD")
        if not int.from_bytes(self._take(2), "big") & _FIXED_NEWSTYLE:
            raise ProtocolError("it is too old")
        self._link.sendall(struct.pack(">I", _FIXED_NEWSTYLE | _NO_ZEROES))
        if status:
            self._option(_OPT_STRUCTURED_REPLY, b"")
            asked = struct.pack(">III", 0, 1, len(_CONTEXT)) + _CONTEXT
            for kind, content in self._option(_OPT_SET_META_CONTEXT, asked):
                if kind == _REP_META_CONTEXT and content[4:] == _CONTEXT:
                    self._context = int.from_bytes(content[:4], "big")
            if self._context is None:
                raise ProtocolError("it does not tell which ranges are allocated")
        for kind, content in self._option(_OPT_GO, struct.pack(">IH", 0, 0)):
            if kind == _REP_INFO and len(content) == 12 and int.from_bytes(content[:2], "big") == _INFO_EXPORT:
                return int.from_bytes(content[2:10], "big")
        raise ProtocolError("it does not tell the size")

    def _option(self, option: int, data: bytes) -> list[tuple[int, bytes]]:
        """Send an option and return what came before its acknowledgement."""
        self._link.sendall(b"IHAVEOPT" + struct.pack(">II", option, len(data)) + data)
        answers: list[tuple[int, bytes]] = []
        while len(answers) < 100:  # more than any server has to say
            magic, about, kind, length = struct.unpack(">QIII", self._take(20))
            if magic != _OPTION_REPLY or about != option or length > _LONGEST_TEXT:
                raise ProtocolError("it answered something else than was asked")
            content = self._take(length)
            if kind & 1 << 31:
                raise ProtocolError(content.decode(errors="replace") or f"it refused option {option}")
            if kind == _REP_ACK:
                return answers
            answers.append((kind, content))
        raise ProtocolError("it does not come to an end")

    def readinto(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` (at most ``MAX_READ``) with the bytes at ``offset``."""
        with _failures():
            self._send(_CMD_READ, offset, len(buffer))
            magic, error, cookie = _SIMPLE.unpack(self._take(_SIMPLE.size))
            if magic != _SIMPLE_MAGIC or cookie != self._cookie:
                raise ProtocolError("it answered something else than was asked")
            if error:
                raise ProtocolError(f"reading {len(buffer)} bytes at {offset} failed (error {error})")
            self._fill(buffer)

    def block_status(self, offset: int, length: int) -> list[Status]:
        """Return what is known of the range from its beginning on; at least one run, at most to its end."""
        found: list[Status] = []
        with _failures():
            self._send(_CMD_BLOCK_STATUS, offset, length)
            while True:
                magic, flags, kind, cookie, size = _CHUNK.unpack(self._take(_CHUNK.size))
                if magic != _STRUCTURED_MAGIC or cookie != self._cookie or size > _LONGEST_STATUS:
                    raise ProtocolError("it answered something else than was asked")
                content = self._take(size)
                if kind & _TYPE_ERROR:
                    raise ProtocolError(f"asking what is allocated at {offset} failed")
                if kind == _TYPE_BLOCK_STATUS:
                    found = list(self._runs(content, length))
                elif kind != _TYPE_NONE:
                    raise ProtocolError(f"it sent a chunk of the unknown type {kind}")
                if flags & _CHUNK_DONE:
                    break
        if not found:
            raise ProtocolError("it did not tell what is allocated")
        return found

    def _runs(self, content: bytes, length: int) -> Iterator[Status]:
        if int.from_bytes(content[:4], "big") != self._context or len(content) % 8 != 4:
            raise ProtocolError("it told of something else than was asked")
        for said, flags in struct.iter_unpack(">II", content[4:]):
            run = min(said, length)  # the last one may reach further than was asked
            length -= run
            if run == 0:
                return
            yield Status(run, bool(flags & 1), bool(flags & 2))

    def _send(self, command: int, offset: int, length: int) -> None:
        self._cookie += 1
        self._link.sendall(_REQUEST.pack(_REQUEST_MAGIC, 0, command, self._cookie, offset, length))

    def _take(self, length: int) -> bytes:
        data = bytearray(length)
        self._fill(memoryview(data))
        return bytes(data)

    def _fill(self, buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            count = self._link.recv_into(buffer[done:])
            if count == 0:
                raise ProtocolError("it hung up")
            done += count

    def abandon(self) -> None:
        """Hang up without a word; every later call fails."""
        self._link.close()

    def close(self) -> None:
        """Say goodbye and hang up; may be called again."""
        with contextlib.suppress(OSError):
            self._send(_CMD_DISCONNECT, 0, 0)
        self._link.close()


class Client:
    """Several connections to one export, used by any number of threads.

    :param links: connected sockets; the first also asks what is allocated.
    """

    def __init__(self, links: list[socket.socket]) -> None:
        self._links = links
        self._asking = Connection(links[0], status=True)
        self._asking_lock = threading.Lock()
        self._reading = [Connection(link) for link in links[1:]]
        self._free: queue.LifoQueue[Connection] = queue.LifoQueue()
        for connection in self._reading:
            self._free.put(connection)
        self.size = self._asking.size
        if any(connection.size != self.size for connection in self._reading):
            raise ProtocolError("it told different sizes")

    def readinto(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``, of any length, with the bytes at ``offset``."""
        connection = self._free.get()
        try:
            for start in range(0, len(buffer), MAX_READ):
                connection.readinto(offset + start, buffer[start : start + MAX_READ])
        except BaseException:
            connection.abandon()  # what still comes for this request must not be taken for the answer to another
            raise
        finally:
            self._free.put(connection)

    def status(self) -> Iterator[Status]:
        """Yield runs that cover the export from its beginning to its end."""
        position = 0
        while position < self.size:
            length = min(_STATUS_SPAN, self.size - position)
            with self._asking_lock:
                try:
                    runs = self._asking.block_status(position, length)
                except BaseException:
                    self._asking.abandon()
                    raise
            for run in runs:
                position += run.length
                yield run

    def close(self) -> None:
        """Hang up; a server without ``--persistent`` ends then."""
        for connection in (self._asking, *self._reading):
            connection.close()


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise ProtocolError("it did not answer in time") from error
    except OSError as error:
        raise ProtocolError(error.strerror or str(error)) from error

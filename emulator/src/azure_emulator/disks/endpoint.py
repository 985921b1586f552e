# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page-blob protocol behind a disk's shared access signature (SAS).

Azure serves it from hosts like `md-impexp-….blob.core.windows.net`; here it is a second TLS port of the emulator with
one thread for each connection, because blocking sockets decrypt outside Python's global lock and move several times
the bytes an event loop does. What the blob refuses follows what AzCopy documents about these special blobs: it
exists already, cannot be created, deleted, resized or described, and takes no conditions when it is written.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from azure_emulator.core.faults import INTERNAL, error_of
from azure_emulator.disks.blob_errors import BlobError, not_permitted, number
from azure_emulator.disks.reading import Reading
from azure_emulator.disks.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from azure_emulator.core.faults import Fault
    from azure_emulator.disks.grants import Authorize, Grant, Lookup, RequestLog, Striker
    from azure_emulator.disks.pages import PageStore

_log = logging.getLogger(__name__)

# What Storage calls the faults that a plan may send.
_FAULT_CODES = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy", 504: "GatewayTimeout"}


class _Handler(Reading, Writing, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 18
    timeout = 300

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """The endpoint keeps its own log; a URL with a signature must not reach standard error."""

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_DELETE(self) -> None:
        self._serve(self._refuse)

    do_POST = do_OPTIONS = do_DELETE  # noqa: N815

    def _serve(self, action: Callable[[Grant, dict[str, str]], int]) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        own = self.headers.get("User-Agent") == INTERNAL["User-Agent"]
        self._unread = 0
        self._fault, self._told = None, False
        try:
            self._unread = number(self.headers.get("Content-Length"), 0)
        except BlobError as error:
            self.close_connection = True  # nobody knows where the next request begins
            self._answer_error(error)
            status = error.status
        else:
            fault = self._fault = None if own else self.server.striker(self.command, parts.path)
            status = self._struck(fault, action, parts.path, query) if fault else self._do(action, parts.path, query)
        self._tell(status)

    def _do(self, action: Callable[[Grant, dict[str, str]], int], path: str, query: dict[str, str]) -> int:
        """Carry out and answer a request; the status."""
        try:
            return action(self._authenticate(path, query), query)
        except BlobError as error:
            self._answer_error(error)
            return error.status

    def _struck(
        self, fault: Fault, action: Callable[[Grant, dict[str, str]], int], path: str, query: dict[str, str]
    ) -> int:
        """Handle a request with a planned fault; the status, 0 when the connection was torn."""
        time.sleep(fault.delay)
        if fault.after:
            wire, self.wfile, self._told = self.wfile, io.BytesIO(), True  # the answer is lost
            self._do(action, path, query)
            self.wfile, self._told = wire, False
        if fault.tears:
            time.sleep(fault.timeout)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return 0
        if fault.status:
            code, message = error_of(fault)
            known = _FAULT_CODES.get(fault.status, code)
            self._answer_error(BlobError(fault.status, fault.code or known, message), fault.retry_after)
            return fault.status
        self._pause = fault.slow
        try:
            return self._do(action, path, query)
        finally:
            self._pause = 0.0

    def _refuse(self, grant: Grant, query: dict[str, str]) -> int:  # noqa: ARG002 - one signature for all
        raise not_permitted()


class DiskEndpoint(ThreadingHTTPServer):
    """Serves the blobs of all disks that have an active SAS; `start` returns once it listens."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        store: PageStore,
        lookup: Lookup,
        authorize: Authorize,
        *,
        certificate: Path,
        key: Path,
        authority: Path,
        port: int = 0,
        log: RequestLog,
        striker: Striker = lambda _method, _path: None,
    ) -> None:
        self.store = store
        self.striker = striker
        self.lookup = lookup
        self.authorize = authorize
        self.authority = authority
        self.request_log = log
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept without the handshake: a slow client must not keep others waiting."""
        connection, address = self.socket.accept()
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
        """A client that hangs up or offers no TLS is its own problem; all else is the emulator's, and told in its log."""
        error = sys.exception()
        if not isinstance(error, (ConnectionError, TimeoutError, ssl.SSLError)):
            _log.error("a request to a disk's blob", exc_info=error)

    def etag(self, grant: Grant) -> str:
        """Changes with every write, and survives a restart because it comes from the file."""
        return f'"0x{os.stat(self.store.path(grant.pages)).st_mtime_ns:X}"'

    def start(self) -> None:
        """Serve from a thread of its own until `shutdown`."""
        threading.Thread(target=self.serve_forever, name="disk-endpoint", daemon=True).start()

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small https server that says what a test tells it to, with its own certificate authority."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SECRET = "not~so-Secret.value"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
DISKS = f"{GROUP}/providers/Microsoft.Compute/disks"


@dataclass
class Got:
    """One request that came in. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


@dataclass
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    """Close the connection without an answer."""


Responder = Callable[[Got], Answer]


class Clock:
    """Time that passes by sleeping only, and what was reported meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lines: list[str] = []

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1
        self.now += seconds

    @property
    def pace(self) -> Pace:
        return Pace(report=self.lines.append, clock=lambda: self.now, sleep=self.sleep)


class FakeAzure:
    """Answers by method and path; several answers for one are given in turn, the last one again and again."""

    def __init__(self, url: str, ca: Path) -> None:
        self.url = url
        self.ca = ca
        self.requests: list[Got] = []
        self._answers: dict[tuple[str, str], list[Answer | Responder]] = {}
        self._lock = threading.Lock()
        self.tokens = 0
        self.on("GET", "/metadata/endpoints", Answer(body=self.metadata()))
        self.on("GET", f"/{TENANT}/v2.0/.well-known/openid-configuration", Answer(body=self._openid()))
        self.on("POST", f"/{TENANT}/oauth2/v2.0/token", self._token)

    def on(self, method: str, path: str, *answers: Answer | Responder) -> None:
        self._answers[method, path.lower()] = list(answers)

    def calls(self, *methods: str) -> list[str]:
        """``GET /path`` for each request to the management API."""
        noise = ("/metadata/", f"/{TENANT}/")
        return [
            f"{got.method} {got.path}"
            for got in self.requests
            if not got.path.startswith(noise) and (not methods or got.method in methods)
        ]

    def metadata(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": "Fake",
            "resourceManager": self.url,
            "authentication": {"loginEndpoint": self.url, "audiences": [self.url]},
            "suffixes": {"storage": "fake.test"},
            **changes,
        }

    def answer(self, got: Got) -> Answer:
        with self._lock:
            self.requests.append(got)
            known = self._answers.get((got.method, got.path.lower()))
            chosen = (known.pop(0) if len(known) > 1 else known[0]) if known else None
        if chosen is None:
            return Answer(404, {"error": {"code": "ResourceNotFound", "message": f"{got.path} was not found."}})
        return chosen if isinstance(chosen, Answer) else chosen(got)

    def _openid(self) -> dict[str, str]:
        base = f"{self.url}/{TENANT}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
        }

    def _token(self, got: Got) -> Answer:
        form = dict(parse_qsl(got.raw.decode()))
        if form.get("client_secret", SECRET) != SECRET:
            text = "AADSTS7000215: Invalid client secret provided. Trace ID: 1"
            return Answer(401, {"error": "invalid_client", "error_description": text})
        self.tokens += 1
        token = f"token-{self.tokens}"
        return Answer(body={"token_type": "Bearer", "expires_in": 3600, "access_token": token})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    azure: FakeAzure

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.azure.answer(Got(self.command, parts.path, dict(parse_qsl(parts.query)), headers, raw))
        if answer.drop:
            self.close_connection = True
            return
        content = answer.body if isinstance(answer.body, bytes) else b""
        if answer.body is not None and not isinstance(answer.body, bytes):
            content = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(content))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients that do not trust the certificate hang up; that is no news."""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for the loopback address, and the file with its key."""
    folder = tmp_path_factory.mktemp("certificate")
    return make_certificate(folder, "localhost")


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(private + pem)
    return folder / "ca.pem", folder / "both.pem"


@pytest.fixture
def azure(certificate: tuple[Path, Path]) -> Iterator[FakeAzure]:
    """The server; its metadata, login and token answers are there already."""
    ca, both = certificate
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    fake = FakeAzure(f"https://localhost:{server.server_port}", ca)
    server.RequestHandlerClass.azure = fake  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing of the machine's own Azure set-up, no proxy, and no Azure CLI."""
    import os

    for name in list(os.environ):
        if name.startswith(("AZURE_", "ANSIBLE_AZURE", "IDENTITY_", "MSI_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "no-azure-config").mkdir()
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path / "no-azure-config"))
    (tmp_path / "no-programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    return monkeypatch


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(params: Mapping[str, Any], clock: Clock) -> Iterator[Session]:
    """A session that does not really wait."""
    opened = Session.open(params, report=clock.lines.append, pace=clock.pace)
    yield opened
    opened.close()


@pytest.fixture
def params(azure: FakeAzure, environment: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Parameters of a service principal that the server knows."""
    environment.setenv("REQUESTS_CA_BUNDLE", str(azure.ca))
    return {
        "subscription_id": SUBSCRIPTION,
        "tenant": TENANT,
        "client_id": CLIENT,
        "secret": SECRET,
        "cloud_environment": azure.url,
    }


@pytest.fixture
def closed_port() -> int:
    """A loopback port where nobody listens."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

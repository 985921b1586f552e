# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the local Azure bears clients that poll: 50, 100 and 200 of them once a second each, against a small and a large store.

``.venv/bin/python benchmarks/emulator_load.py [--seconds 20] [--clients 50,100,200] [--store small,large] [--lockstep]``

Each run has a server of its own in a temporary folder, on the loopback interface. The clients are one process with a
TLS connection each; a quarter polls a running operation, a quarter machines, a quarter gallery versions, a quarter
lists (one page of machines or versions). They ask at moments of their own, or with ``--lockstep`` all at the same
instant of each second. Meanwhile one more client writes: disks are made, tagged and deleted. The
large store has 10,000 gallery versions and 1,000 machines. Figures: milliseconds from the first byte sent to the last
byte received, the server's processor seconds per request and its largest memory. Exits 1 when there was an error, or at
200 clients and the large store a p99 of the GETs above 100 ms or more than 500 MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = REPOSITORY / "emulator" / "src"
STORES = {"small": {"machines": 10, "versions": 10}, "large": {"machines": 1000, "versions": 10_000, "definitions": 10}}
COMPUTE, GALLERY = "2024-07-01", "2023-07-03"
LIMIT_MS, LIMIT_MIB = 100.0, 500.0
KINDS = ("operation", "machine", "version", "list")


@dataclass(slots=True)
class Figures:
    """What one run showed."""

    clients: int
    store: str
    reads: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    writes: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    processor: float = 0.0
    memory: float = 0.0

    def p(self, part: float, kind: str = "") -> float:
        values = sorted(self.reads[kind] if kind else [v for some in self.reads.values() for v in some])
        return values[min(len(values) - 1, int(len(values) * part))] * 1000 if values else 0.0


class Server:
    """A local Azure in a temporary folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.command("start")
        self.secrets = json.loads((data / "credentials.json").read_text())
        self.state = json.loads((data / "server.json").read_text())
        self.trust = ssl.create_default_context(cafile=str(data / "tls" / "ca.pem"))
        self.subscription = f"/subscriptions/{self.secrets['subscription']}"
        self.token = self._token()

    def command(self, verb: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
        arguments = [sys.executable, "-m", "azure_emulator", verb, "--data", str(self.data)]
        subprocess.run(arguments, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=120)

    def ask(self, method: str, path: str, body: Any = None, *, control: bool = False) -> tuple[dict[str, str], Any]:
        """One call outside of the measurement; headers and body."""
        token = self.secrets["control_token"] if control else self.token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self._open(urllib.request.Request(self.state["url"] + path, data, headers, method=method))

    def _open(self, request: urllib.request.Request) -> tuple[dict[str, str], Any]:
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.trust)
        with urllib.request.build_opener(*handlers).open(request, timeout=300) as answer:
            text = answer.read()
            return {k.lower(): v for k, v in answer.headers.items()}, json.loads(text) if text else None

    def _token(self) -> str:
        account = self.secrets["contributor"]
        form = {
            "grant_type": "client_credentials",
            "client_id": account["client_id"],
            "client_secret": account["secret"],
            "scope": "https://management.azure.com/.default",
        }
        url = f"{self.state['url']}/{self.secrets['tenant']}/oauth2/v2.0/token"
        return str(self._open(urllib.request.Request(url, urllib.parse.urlencode(form).encode()))[1]["access_token"])

    def processor(self) -> float:
        """Seconds that the process has computed."""
        fields = Path(f"/proc/{self.state['pid']}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """MiB that the process has used at most."""
        lines = Path(f"/proc/{self.state['pid']}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@contextmanager
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        found = Server(Path(folder))
        try:
            yield found
        finally:
            found.command("stop")


class Client:
    """One keep-alive connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._head = f"Host: localhost:{server.state['port']}\r\nAuthorization: Bearer {server.token}\r\n"

    async def open(self) -> None:
        port = self._server.state["port"]
        self._reader, self._writer = await asyncio.open_connection("localhost", port, ssl=self._server.trust)

    def close(self) -> None:
        self._writer.transport.abort()

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, float]:
        """Status and seconds of one request."""
        data = b"" if body is None else json.dumps(body).encode()
        more = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n" if method != "GET" else ""
        begun = time.perf_counter()
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}{more}\r\n".encode() + data)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = head.partition("content-length:")[2].partition("\r\n")[0].strip()
        await self._reader.readexactly(int(length or 0))
        return int(head.split(None, 2)[1]), time.perf_counter() - begun


def seed(server: Server, store: str) -> dict[str, list[str]]:
    """Fill the store; the paths that are polled, by kind."""
    server.ask("POST", "/_control/seed", {"generate": {"group": "load", **STORES[store]}}, control=True)
    server.ask("PUT", "/_control/latency", {"seconds": {"compute.image.*": 36000}}, control=True)
    root = f"{server.subscription}/resourceGroups/load/providers/Microsoft.Compute"
    disk = {"osType": "Linux", "osState": "Specialized", "managedDisk": {"id": f"{root}/disks/source"}}
    image = {"location": "eastus", "properties": {"storageProfile": {"osDisk": disk}}}
    headers, _ignored = server.ask("PUT", f"{root}/images/slow?api-version={COMPUTE}", image)
    operation = urllib.parse.urlsplit(headers["azure-asyncoperation"])
    shape = STORES[store]
    definitions = [
        f"{root}/galleries/gallery/images/definition{n:03}" for n in range(1, shape.get("definitions", 1) + 1)
    ]
    each = shape["versions"] // len(definitions)
    return {
        "operation": [f"{operation.path}?{operation.query}"],
        "machine": [f"{root}/virtualMachines/vm{n:05}?api-version={COMPUTE}" for n in range(1, shape["machines"])],
        "version": [f"{one}/versions/1.0.{n}?api-version={GALLERY}" for one in definitions for n in range(1, each)],
        "list": [f"{root}/virtualMachines?api-version={COMPUTE}"]
        + [f"{one}/versions?api-version={GALLERY}" for one in definitions[:1]],
    }


async def poll(
    client: Client, kind: str, paths: list[str], begin: float, end: float, figures: Figures, chance: random.Random
) -> None:
    """Ask once a second from the beginning until the end."""
    due = begin
    await asyncio.sleep(due - time.monotonic())
    while due < end:
        status, seconds = await client.call("GET", chance.choice(paths))
        figures.reads[kind].append(seconds)
        if status != 200:
            figures.errors.append(f"{kind}: {status}")
        due += 1
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def write(client: Client, root: str, end: float, figures: Figures) -> None:
    """Make, tag and delete disks, some five writes a second."""
    number = 0
    while time.monotonic() < end:
        path = f"{root}/disks/written{number:05}?api-version={COMPUTE}"
        body = {"location": "eastus", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
        for method, content in (("PUT", body), ("PATCH", {"tags": {"a": "b"}}), ("DELETE", None)):
            status, seconds = await client.call(method, path, content)
            figures.writes.append(seconds)
            if status >= 400:
                figures.errors.append(f"{method}: {status}")
            await asyncio.sleep(0.2)
        number += 1


async def load(
    server: Server, paths: dict[str, list[str]], figures: Figures, seconds: float, *, lockstep: bool
) -> None:
    chance = random.Random(figures.clients)
    clients = [Client(server) for _ignored in range(figures.clients + 1)]
    for client in clients:
        await client.open()
    before, begin = server.processor(), time.monotonic() + 0.5
    end = begin + seconds
    root = f"{server.subscription}/resourceGroups/load/providers/Microsoft.Compute"
    jobs = [write(clients[-1], root, end, figures)]
    for number, client in enumerate(clients[:-1]):
        kind = KINDS[number % len(KINDS)]
        own = random.Random(chance.random())
        moment = begin if lockstep else begin + own.random()
        jobs.append(poll(client, kind, paths[kind], moment, end, figures, own))
    await asyncio.gather(*jobs)
    figures.processor = server.processor() - before
    for client in clients:
        client.close()


def show(figures: Figures) -> None:
    count = sum(len(some) for some in figures.reads.values())
    kinds = "  ".join(f"{kind} {figures.p(0.99, kind):.0f}" for kind in KINDS)
    cost = figures.processor * 1000 / max(1, count + len(figures.writes))
    line = f"{figures.store:6} {figures.clients:4} clients  {count:6} GETs  p50 {figures.p(0.5):6.1f}  p95 {figures.p(0.95):6.1f}"
    line += (
        f"  p99 {figures.p(0.99):6.1f}  max {figures.p(1):6.1f} ms  (p99: {kinds})  {cost:.2f} ms of processor/request"
    )
    sys.stdout.write(f"{line}  {figures.memory:.0f} MiB  {len(figures.writes)} writes  {len(figures.errors)} errors\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", default="50,100,200")
    parser.add_argument("--store", default="small,large")
    parser.add_argument("--lockstep", action="store_true", help="all clients ask at the same instant")
    options = parser.parse_args()
    missed = False
    for store in options.store.split(","):
        with server() as azure:
            begun = time.monotonic()
            paths = seed(azure, store)
            sys.stdout.write(f"{store} store: {STORES[store]}, written in {time.monotonic() - begun:.1f} s\n")
            for number in options.clients.split(","):
                figures = Figures(int(number), store)
                asyncio.run(load(azure, paths, figures, min(options.seconds, 120), lockstep=options.lockstep))
                figures.memory = azure.memory()
                show(figures)
                missed |= bool(figures.errors)
                if store == "large" and int(number) == 200:
                    missed |= figures.p(0.99) > LIMIT_MS or figures.memory > LIMIT_MIB
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

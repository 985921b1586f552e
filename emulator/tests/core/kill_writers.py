# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that write while the server is killed again and again, and what they were told.

Each writer tells stories of one kind, with names that only it uses. When an answer is lost, nobody knows what became of
the write; the story is then broken off. What was answered goes into the ledger.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import ssl

COMPUTE, GALLERY, NETWORK, GROUPS = "2024-07-01", "2023-07-03", "2023-09-01", "2021-04-01"
PIECE = 64 << 10
UPLOAD = 20972032
LOCATION = "westeurope"


class LostError(Exception):
    """The server died before it answered."""


@dataclass(slots=True)
class Fact:
    """What is known of one resource. ``exists``: None when a write's answer was lost; ``tags`` and ``data``: what may be
    there, of which ``sure`` says whether something must."""

    api: str
    exists: bool | None = None
    tags: set[str] = field(default_factory=set)
    data: set[bytes] = field(default_factory=set)
    sure: bool = False


@dataclass
class Ledger:
    """All that was answered."""

    facts: dict[str, Fact] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str) -> None:
        with self.lock:
            self.acknowledged[kind] = self.acknowledged.get(kind, 0) + 1


class Wire:
    """One client of the server, which may be dead."""

    def __init__(self, url: str, trust: ssl.SSLContext, token: str, subscription: str, ledger: Ledger) -> None:
        self.http = httpx.Client(base_url=url, verify=trust, timeout=10, trust_env=False)
        self.http.headers["Authorization"] = f"Bearer {token}"
        self.subscription, self.ledger = subscription, ledger

    def send(self, method: str, path: str, api: str = "", body: Any = None, **more: Any) -> httpx.Response:
        """One request, once there is somebody to send it to."""
        url = path if path.startswith("https:") else self.subscription + path
        limit = time.monotonic() + 60
        while True:
            try:
                return self.http.request(method, url, params={"api-version": api} if api else None, json=body, **more)
            except httpx.ConnectError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.02)
            except httpx.TransportError as error:
                raise LostError from error

    def write(self, kind: str, method: str, path: str, api: str, body: Any = None) -> httpx.Response:
        """A write that the ledger follows; refusals are kept, too."""
        fact = self.ledger.facts.setdefault(path, Fact(api))
        tag = (body or {}).get("tags", {}).get("t") if isinstance(body, dict) else None
        if tag:
            fact.tags.add(tag)
        known, fact.exists = fact.exists, None
        try:
            answer = self.send(method, path, api, body)
        except LostError:
            self.ledger.lost += 1
            raise
        if answer.status_code >= 400:
            fact.exists = known
            self.ledger.refused.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            raise LostError
        fact.exists = method != "DELETE"
        if tag:
            fact.tags = {tag}
        url = answer.headers.get("azure-asyncoperation") or answer.headers.get("location")
        if url:
            self.ledger.operations.append(url)
        self.ledger.count(kind)
        return answer

    def follow(self, answer: httpx.Response) -> dict[str, Any]:
        """Wait for an operation, over deaths of the server."""
        url = answer.headers.get("azure-asyncoperation") or answer.headers["location"]
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                poll = self.send("GET", url)
            except LostError:
                continue
            body = poll.json() if poll.content else {}
            if poll.status_code != 202 and body.get("status") != "InProgress":
                return dict(body)
            time.sleep(0.02)
        raise AssertionError(f"the operation does not end: {url}")


Story = Callable[[Wire, str, random.Random], None]


def disks(wire: Wire, name: str, chance: random.Random) -> None:
    path = f"/resourceGroups/rg/providers/Microsoft.Compute/disks/{name}"
    body = {"location": LOCATION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    wire.follow(wire.write("disk", "PUT", path, COMPUTE, body | {"tags": {"t": "new"}}))
    for number in range(chance.randrange(3)):
        wire.follow(wire.write("tags", "PATCH", path, COMPUTE, {"tags": {"t": f"t{number}"}}))
    if chance.random() < 0.5:
        wire.follow(wire.write("deletion", "DELETE", path, COMPUTE))


def uploads(wire: Wire, name: str, chance: random.Random) -> None:
    path = f"/resourceGroups/rg/providers/Microsoft.Compute/disks/{name}"
    creation = {"createOption": "Upload", "uploadSizeBytes": UPLOAD}
    wire.follow(
        wire.write("disk", "PUT", path, COMPUTE, {"location": LOCATION, "properties": {"creationData": creation}})
    )
    access = {"access": "Write", "durationInSeconds": 3600}
    granted = wire.follow(wire.send("POST", f"{path}/beginGetAccess", COMPUTE, access))
    url = granted["properties"]["output"]["accessSAS"]
    for _number in range(4):
        data = chance.randbytes(PIECE)
        wire.ledger.facts[path].data.add(data)
        headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes=0-{PIECE - 1}", "x-ms-version": "2023-11-03"}
        answer = wire.send("PUT", f"{url}&comp=page", content=data, headers=headers)
        if answer.status_code == 201:
            wire.ledger.facts[path].data, wire.ledger.facts[path].sure = {data}, True
            wire.ledger.count("pages")


def copies(wire: Wire, name: str, chance: random.Random) -> None:
    root = "/resourceGroups/rg/providers/Microsoft.Compute"
    source = {"createOption": "Copy", "sourceResourceId": f"{wire.subscription}{root}/disks/base"}
    wire.follow(
        wire.write(
            "snapshot",
            "PUT",
            f"{root}/snapshots/{name}",
            COMPUTE,
            {"location": LOCATION, "properties": {"creationData": source}},
        )
    )
    disk = {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": f"{wire.subscription}{root}/disks/base"}}
    image = {"location": LOCATION, "properties": {"storageProfile": {"osDisk": disk}}}
    wire.follow(wire.write("image", "PUT", f"{root}/images/{name}", COMPUTE, image))
    if chance.random() < 0.5:
        wire.follow(wire.write("deletion", "DELETE", f"{root}/snapshots/{name}", COMPUTE))
        wire.follow(wire.write("deletion", "DELETE", f"{root}/images/{name}", COMPUTE))


def versions(wire: Wire, name: str, chance: random.Random) -> None:
    root = "/resourceGroups/rg/providers/Microsoft.Compute"
    path = f"{root}/galleries/gallery/images/definition/versions/1.0.{int(name[-4:])}"
    source = {"id": f"{wire.subscription}{root}/disks/base"}
    body = {"location": LOCATION, "properties": {"storageProfile": {"osDiskImage": {"source": source}}}}
    wire.follow(wire.write("version", "PUT", path, GALLERY, body))
    if chance.random() < 0.5:
        wire.follow(wire.write("deletion", "DELETE", path, GALLERY))


def machines(wire: Wire, name: str, chance: random.Random) -> None:
    compute, network = (f"/resourceGroups/rg/providers/Microsoft.{kind}" for kind in ("Compute", "Network"))
    subnet = {"id": f"{wire.subscription}{network}/virtualNetworks/net/subnets/default"}
    nic = {"location": LOCATION, "properties": {"ipConfigurations": [{"name": "ip", "properties": {"subnet": subnet}}]}}
    wire.write("interface", "PUT", f"{network}/networkInterfaces/{name}", NETWORK, nic)
    storage = {
        "imageReference": {"id": f"{wire.subscription}{compute}/images/base"},
        "osDisk": {"createOption": "FromImage", "name": f"{name}-os", "deleteOption": "Delete"},
    }
    properties = {
        "hardwareProfile": {"vmSize": "Standard_B1s"},
        "storageProfile": storage,
        "osProfile": {"computerName": "m", "adminUsername": "operator", "adminPassword": "Correct-Horse-7"},
        "networkProfile": {"networkInterfaces": [{"id": f"{wire.subscription}{network}/networkInterfaces/{name}"}]},
    }
    path = f"{compute}/virtualMachines/{name}"
    body = {"location": LOCATION, "properties": properties, "tags": {"t": "new"}}
    wire.follow(wire.write("machine", "PUT", path, COMPUTE, body))
    if chance.random() < 0.5:
        wire.follow(wire.send("POST", f"{path}/deallocate", COMPUTE))
        wire.follow(wire.write("deletion", "DELETE", path, COMPUTE))


def groups(wire: Wire, name: str, _chance: random.Random) -> None:
    group = f"/resourceGroups/{name}"
    disk = f"{group}/providers/Microsoft.Compute/disks/d"
    body = {"location": LOCATION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    wire.write("group", "PUT", group, GROUPS, {"location": LOCATION})
    wire.write("disk", "PUT", disk, COMPUTE, body)
    wire.ledger.facts[disk].exists = None
    answer = wire.write("group deletion", "DELETE", group, GROUPS)
    wire.ledger.facts[disk].exists = False
    wire.follow(answer)


def deployments(wire: Wire, name: str, _chance: random.Random) -> None:
    properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}
    resource = {"type": "Microsoft.Compute/disks", "apiVersion": COMPUTE, "name": f"{name}-disk", "location": LOCATION}
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [resource | {"properties": properties}],
    }
    root = "/resourceGroups/rg/providers"
    path = f"{root}/Microsoft.Resources/deployments/{name}"
    body = {"properties": {"mode": "Incremental", "template": template}}
    done = wire.follow(wire.write("deployment", "PUT", path, "2021-04-01", body))
    if done.get("status") == "Succeeded":
        wire.ledger.facts[f"{root}/Microsoft.Compute/disks/{name}-disk"] = Fact(COMPUTE, exists=True)


STORIES: dict[str, Story] = {
    story.__name__: story for story in (disks, uploads, copies, versions, machines, groups, deployments)
}


def tell(wire: Wire, kind: str, seed: int, stop: threading.Event) -> None:
    """Stories of one kind, until told to stop."""
    chance = random.Random(f"{seed}/{kind}")
    names = numbered(kind)
    while not stop.is_set():
        try:
            STORIES[kind](wire, next(names), chance)
        except LostError:
            time.sleep(0.01)


def watch(wire: Wire, seed: int, stop: threading.Event, missing: list[str]) -> None:
    """Ask all the time for what was acknowledged."""
    chance = random.Random(seed)
    while not stop.is_set():
        known = [path for path, fact in list(wire.ledger.facts.items()) if fact.exists]
        if known:
            path = chance.choice(known)
            try:
                answer = wire.send("GET", path, wire.ledger.facts[path].api)
            except LostError:
                continue
            if answer.status_code != 200 and wire.ledger.facts[path].exists:
                missing.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        time.sleep(0.01)


def numbered(kind: str) -> Generator[str, None, None]:
    number = 0
    while True:
        number += 1
        yield f"{kind}{number:04}"

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``kill -9`` at fifty random moments, under load: nothing that was acknowledged is lost, nothing is stuck or left over.

``AZURE_EMULATOR_KILLS`` and ``AZURE_EMULATOR_KILL_SEED`` change number and moments; both are printed.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from kill_writers import LOCATION, PIECE, STORIES, Fact, Ledger, Wire, tell, watch

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext
    from pathlib import Path

    from local_azure import LocalAzure

KILLS = int(os.environ.get("AZURE_EMULATOR_KILLS", "50"))
SEED = int(os.environ.get("AZURE_EMULATOR_KILL_SEED", "0")) or random.randrange(1, 10**6)
PAGE = 512


def serve_until_killed(data: Path, ready: Connection) -> None:
    """The server, in a process that has imported it already: fifty starts must not take minutes."""
    from azure_emulator.server import serve

    log = os.open(data / "server.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(level=logging.INFO)
    serve(data, 0, ready.send)


class Victim:
    """One life of the server, a process of its own."""

    def __init__(self, context: ForkServerContext, data: Path) -> None:
        self.ready, other = context.Pipe(duplex=False)
        self.process = context.Process(target=serve_until_killed, args=(data, other), daemon=True)
        self.process.start()
        other.close()

    def wait(self) -> None:
        """Until it answers."""
        assert self.ready.poll(60)
        assert self.ready.recv().startswith("https://")

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.ready.close()


def prepare(azure: LocalAzure) -> None:
    """What all stories build on."""
    compute, network = (f"/resourceGroups/rg/providers/Microsoft.{kind}" for kind in ("Compute", "Network"))
    disk = {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": f"{compute}/disks/base"}}
    net = {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
        "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/16"}}],
    }
    identifier = {"publisher": "p", "offer": "o", "sku": "s"}
    definition = {"osType": "Linux", "osState": "Specialized", "hyperVGeneration": "V1", "identifier": identifier}
    empty = {"creationData": {"createOption": "Empty"}, "osType": "Linux", "diskSizeGB": 1}
    resources: list[dict[str, Any]] = [
        {"id": "/resourceGroups/rg"},
        {"id": f"{network}/virtualNetworks/net", "properties": net},
        {"id": f"{compute}/disks/base", "properties": empty},
        {"id": f"{compute}/images/base", "properties": {"storageProfile": {"osDisk": disk}}},
        {"id": f"{compute}/galleries/gallery", "api_version": "2023-07-03"},
        {"id": f"{compute}/galleries/gallery/images/definition", "api_version": "2023-07-03", "properties": definition},
    ]
    answer = azure.control("POST", "/seed", {"resources": [{"location": LOCATION} | one for one in resources]})
    assert answer.status_code == 200, answer.text
    # Long enough for most operations to be on their way at any moment.
    azure.control("PUT", "/latency", {"seconds": {"*": 0.1}})


@pytest.mark.soak
def test_nothing_is_lost_when_it_is_killed(fresh: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    sys.stderr.write(f"\nkill -9: {KILLS} times, seed {SEED}\n")
    fresh.start()
    prepare(fresh)
    token = fresh.token()
    fresh.kill()
    ledger, stop, missing = Ledger(), threading.Event(), list[str]()
    trust = ssl.create_default_context(cafile=fresh.data / "tls" / "ca.pem")

    def wire() -> Wire:
        return Wire(fresh.url, trust, token, fresh.subscription, ledger)

    threads = [threading.Thread(target=tell, args=(wire(), kind, SEED, stop)) for kind in STORIES]
    threads += [threading.Thread(target=watch, args=(wire(), SEED + n, stop, missing)) for n in range(2)]
    context = multiprocessing.get_context("forkserver")
    # With all services. The process that forks does not get this one's path otherwise, and each child would import them.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    context.set_forkserver_preload(["azure_emulator.server", "every_route", __name__])
    for thread in threads:
        thread.start()
    try:
        kill_again_and_again(context, fresh.data)
    finally:
        stop.set()
        fresh.start()
        for thread in threads:
            thread.join(90)
    assert not [thread for thread in threads if thread.is_alive()]
    sys.stderr.write(f"acknowledged: {ledger.acknowledged}; answers lost: {ledger.lost}\n")
    assert missing == []
    assert ledger.refused == []
    assert set(ledger.acknowledged) > {"disk", "pages", "image", "machine", "group deletion"}
    check_operations(fresh, ledger)
    check_resources(fresh, ledger)
    check_bytes(fresh, ledger)
    assert "Traceback" not in (fresh.data / "server.log").read_text()


def kill_again_and_again(context: ForkServerContext, data: Path) -> None:
    chance = random.Random(SEED)
    for number in range(KILLS):
        victim = Victim(context, data)
        # One in ten dies while it is still starting.
        if number % 10 == 9:
            time.sleep(chance.uniform(0, 0.15))
        else:
            victim.wait()
            time.sleep(chance.uniform(0.02, 0.8))
        victim.kill()


def check_operations(azure: LocalAzure, ledger: Ledger) -> None:
    """Every operation that a client was told of has ended, and well."""
    for url in ledger.operations:
        limit = time.monotonic() + 20
        while True:
            answer = azure.arm("GET", url)
            body = answer.json() if answer.content else {}
            if answer.status_code != 202 and body.get("status") != "InProgress":
                break
            assert time.monotonic() < limit, url
            time.sleep(0.02)
        assert answer.status_code in (200, 204), answer.text
        # What a group's deletion interrupts is canceled.
        assert body.get("status", "Succeeded") in ("Succeeded", "Canceled"), body


def check_resources(azure: LocalAzure, ledger: Ledger) -> None:
    for path, fact in ledger.facts.items():
        if fact.exists is None:
            continue
        answer = azure.arm("GET", path, api=fact.api)
        assert answer.status_code == (200 if fact.exists else 404), (path, answer.text)
        if fact.exists and fact.tags:
            assert answer.json()["tags"]["t"] in fact.tags, path
        if fact.exists:
            assert answer.json()["properties"].get("provisioningState", "Succeeded") == "Succeeded", answer.text


def check_bytes(azure: LocalAzure, ledger: Ledger) -> None:
    """Documents and files fit: no disk lacks its bytes, no file is left over."""
    files = {path.stem for path in (azure.data / "disks").iterdir()}
    named: set[str] = set()
    for doc in azure.control("GET", "/dump").json()["resources"]:
        pages = doc.get("_pages") or {}
        names = {pages} if isinstance(pages, str) else set(pages.values())
        assert names <= files, doc["id"]
        named |= names
        fact = ledger.facts.get(doc["id"].removeprefix(azure.subscription))
        if fact and fact.data and fact.exists:
            check_piece(azure.data / "disks" / f"{pages}.pages", fact)
    assert files == named


def check_piece(path: Path, fact: Fact) -> None:
    """Each page of a disk is what an acknowledged write made it, or a later one that was cut off."""
    with path.open("rb") as file:
        content = file.read(PIECE).ljust(PIECE, b"\0")
    for at in range(0, PIECE, PAGE):
        allowed = {data[at : at + PAGE] for data in fact.data} | (set() if fact.sure else {bytes(PAGE)})
        assert content[at : at + PAGE] in allowed, (path, at)

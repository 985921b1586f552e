# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads of disk files into a page blob: this collection's engine against AzCopy, the SDK, Azure CLI, qemu-img.

All in one run, by turns, to the same endpoint: the blob service of a local Azure that is started for it. Every client is a
process of its own and gets the address of an empty blob with a signature. `engine` is what vhd_upload does with it: read,
fingerprint, send, verify. What arrived is compared with the file by its page ranges, and once for each file by its bytes.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.azure_disk import AzureDisk
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_client import Access
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.blob_source import BlobSource
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.footer import Footer
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.opening import open_source, recognise_file
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.page_blob import PageBlob
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.runs import missing
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.transfer import fingerprint, transfer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
MIB, GIB = 1 << 20, 1 << 30
PIECE = MIB  # data lies in pieces of this size, all over the disk
WORKERS = 8


# --- the clients, each in a process of its own ---------------------------------------------------------------------------
def engine(path: str, url: str) -> None:
    ca = os.environ["SSL_CERT_FILE"]
    with (
        open_source(path, recognise_file(path)) as source,
        PageBlob(lambda: Access(url), ca=ca, most=WORKERS) as blob,
    ):
        disk = AzureDisk(source, footer=source.footer)
        moved = transfer(disk, blob, workers=WORKERS, held=blob.page_ranges())
        blob.write(disk.size, memoryview(disk.footer))
        if missing(moved.runs, blob.page_ranges()):
            raise SystemExit("the blob lacks what was sent")


def sdk(path: str, url: str) -> None:
    from azure.storage.blob import BlobClient

    with BlobClient.from_blob_url(url, connection_verify=os.environ["SSL_CERT_FILE"]) as blob, open(path, "rb") as file:
        length = os.path.getsize(path)
        blob.upload_blob(file, blob_type="PageBlob", length=length, overwrite=True, max_concurrency=4)


def azcopy(options: argparse.Namespace) -> list[str]:
    """AzCopy's command line."""
    copy = ["--from-to", "LocalBlob", "--blob-type", "PageBlob", "--log-level", "NONE", "--output-level", "quiet"]
    return [options.azcopy, "copy", "FILE", "URL", *copy]


def commands(options: argparse.Namespace) -> dict[str, list[list[str]]]:
    """The command lines of each client; FILE, URL and TEMP are filled in."""
    here = [sys.executable, __file__]
    found: dict[str, list[list[str]]] = {"engine": [[*here, "--client", "engine", "FILE", "URL"]]}
    if options.azcopy:
        found["azcopy"] = [azcopy(options)]
    found["upload_blob"] = [[*here, "--client", "sdk", "FILE", "URL"]]
    if options.az:
        upload = ["storage", "blob", "upload", "--type", "page", "--overwrite", "--no-progress", "--only-show-errors"]
        found["az"] = [[options.az, *upload, "--file", "FILE", "--blob-url", "URL", "--output", "none"]]
    only = options.only.split(",") if options.only else found
    return {name: found[name] for name in only}


def from_qcow2(options: argparse.Namespace) -> dict[str, list[list[str]]]:
    """The same for a qcow2 file, which only the engine reads as it is."""
    found = {"engine, qcow2": [[sys.executable, __file__, "--client", "engine", "FILE", "URL"]]}
    if options.azcopy:
        convert = ["qemu-img", "convert", "-O", "vpc", "-o", "subformat=fixed,force_size", "FILE", "TEMP"]
        copy = [part if part != "FILE" else "TEMP" for part in azcopy(options)]
        found["qemu-img + azcopy"] = [convert, copy]
    return found


# --- the endpoint --------------------------------------------------------------------------------------------------------
class Account:
    """A storage account of the local Azure, with blobs to upload into."""

    def __init__(self, environment: dict[str, str]) -> None:
        from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
        from azure.storage.blob import BlobServiceClient

        os.environ.update(environment)
        azure = Session.open({})
        azure.raw(
            "PUT", f"/subscriptions/{azure.subscription_id}/resourceGroups/b", "2021-04-01", {"location": "westeurope"}
        )
        self.name = f"bench{random.SystemRandom().randrange(10**9)}"
        accounts = azure.storage.storage_accounts
        body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
        made: Any = azure.send(accounts.begin_create, "b", self.name, body=body)
        keys: Any = azure.send(accounts.list_keys, "b", self.name)
        self.key = keys["keys"][0]["value"]
        credential = {"account_name": self.name, "account_key": self.key}
        endpoint = made["properties"]["primaryEndpoints"]["blob"]
        self.service = BlobServiceClient(
            endpoint, credential=credential, connection_verify=environment["SSL_CERT_FILE"]
        )
        self.service.create_container("vhds")

    def empty(self, name: str, size: int) -> str:
        """A new page blob; its address, signature included."""
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        blob = self.service.get_blob_client("vhds", name)
        blob.create_page_blob(size)
        allowed = BlobSasPermissions(read=True, write=True, create=True, add=True, delete=True)
        expiry = datetime.now(UTC) + timedelta(hours=12)
        signed = generate_blob_sas(self.name, "vhds", name, account_key=self.key, permission=allowed, expiry=expiry)
        return f"{blob.url}?{signed}"

    def remove(self, name: str) -> None:
        self.service.get_blob_client("vhds", name).delete_blob()


# --- measuring -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Figures:
    """One upload: seconds, the client's processor seconds, its memory in MiB, and MiB that the blob got."""

    seconds: float
    cpu: float
    memory: float
    sent: float


def measured(client: list[list[str]], path: Path, url: str) -> Figures:
    """Run a client; the memory is that of its largest process."""
    temporary = path.with_suffix(".temporary.vhd")
    words = {"FILE": str(path), "URL": url, "TEMP": str(temporary)}
    began, cpu, memory = time.monotonic(), 0.0, 0
    for command in client:
        line = [words.get(word, word) for word in command]
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        error = process.stderr.read() if process.stderr else b""
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed: {error.decode(errors='replace')[-800:]}")
        cpu += usage.ru_utime + usage.ru_stime
        memory = max(memory, usage.ru_maxrss)
    seconds = time.monotonic() - began
    temporary.unlink(missing_ok=True)
    with PageBlob(lambda: Access(url), ca=os.environ["SSL_CERT_FILE"]) as blob:
        sent = sum(end - start for start, end in blob.page_ranges())
    return Figures(seconds, cpu, memory / 1024, sent / MIB)


def make_vhd(path: Path, size: int, percent: int) -> int:
    """A sparse fixed VHD with random data in so much of it, in pieces all over; returns the bytes of data."""
    chance = random.Random(size + percent)
    pieces = chance.sample(range(size // PIECE), size // PIECE * percent // 100)
    with path.open("wb") as file:
        file.truncate(size)
        for piece in sorted(pieces):
            file.seek(piece * PIECE)
            file.write(chance.randbytes(PIECE))
        file.seek(size)
        file.write(Footer.fixed(size).pack())
    return len(pieces) * PIECE


def used(path: Path) -> int:
    """Bytes of a disk that the engine would send."""
    with open_source(str(path), recognise_file(str(path))) as source:
        return sum(end - start for start, end in transfer(source, None, workers=2).runs)


def compared(path: Path, url: str) -> None:
    """Every byte of the file is in the blob."""
    with (
        open_source(str(path), recognise_file(str(path))) as source,
        PageBlob(lambda: Access(url), ca=os.environ["SSL_CERT_FILE"]) as blob,
    ):
        if fingerprint(source) != fingerprint(BlobSource(blob)):
            raise SystemExit(f"what arrived is not {path.name}")


def table(
    title: str, clients: dict[str, list[list[str]]], path: Path, size: int, account: Account, rounds: int
) -> None:
    """Measure all clients by turns and print a line for each: medians, and the range of the seconds."""
    figures: dict[str, list[Figures]] = {name: [] for name in clients}
    for number in range(rounds):
        for name, client in clients.items():
            blob = f"{number}-{name.replace(' ', '').replace(',', '-').replace('+', '-')}.vhd"
            url = account.empty(blob, size)
            os.sync()  # nobody waits for what another one wrote
            figures[name].append(measured(client, path, url))
            if number == 0:
                compared(path, url)
            account.remove(blob)
    for name, found in figures.items():
        seconds = [one.seconds for one in found]
        cpu, memory, sent = (statistics.median(getattr(one, key) for one in found) for key in ("cpu", "memory", "sent"))
        spread = f"{min(seconds):.1f}-{max(seconds):.1f}"
        print(
            f"| {title} | {name} | {statistics.median(seconds):.2f} ({spread}) | {cpu:.1f} | {memory:.0f} | {sent:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--disks", default="1:5,1:30,1:100", help="GiB:percent full, several; 8:30,8:100,30:5 take a while"
    )
    parser.add_argument("--file", action="append", default=[], type=Path, help="also a disk of your own, a fixed VHD")
    parser.add_argument("--qcow2", default="1:30", help="the same, as qcow2; empty for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", default="", help="clients, by name: engine,azcopy; the slow ones take minutes with large disks"
    )
    parser.add_argument("--azcopy", default=shutil.which("azcopy"), help="npm has it as @azure-tools/azcopy-linux")
    parser.add_argument("--az", default=None, help="Azure CLI; make peers has one in .venv-peers-cli/bin/az")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        {"engine": engine, "sdk": sdk}[options.client[0]](*options.client[1:])
        return
    from support.local_azure import running

    with tempfile.TemporaryDirectory(prefix="benchmark.") as folder, running(Path(folder) / "azure") as azure:
        os.environ["AZCOPY_LOG_LOCATION"] = os.environ["AZCOPY_JOB_PLAN_LOCATION"] = folder
        account = Account(azure.environment)
        print("| disk | client | seconds | CPU s | memory MiB | MiB in the blob |\n|---|---|---|---|---|---|")
        for path in options.file:
            size = path.stat().st_size
            title = f"{path.name}, {size / GIB:.1f} GiB, {used(path) * 100 // size} % full"
            table(title, commands(options), path, size, account, options.rounds)
        for kind, wanted in (("vhd", options.disks), ("qcow2", options.qcow2)):
            for gib, percent in (map(int, one.split(":")) for one in wanted.split(",") if one):
                path = Path(folder) / "disk.vhd"
                make_vhd(path, gib * GIB, percent)
                clients = commands(options)
                if kind == "qcow2":
                    packed = path.with_suffix(".qcow2")
                    subprocess.run(["qemu-img", "convert", "-f", "vpc", "-O", "qcow2", path, packed], check=True)
                    path, clients = packed, from_qcow2(options)
                title = f"{gib} GiB, {percent} % full, {kind}"
                table(title, clients, path, gib * GIB + 512, account, options.rounds)
                path.unlink()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a killed Azure and a killed playbook leave behind: nothing that was answered is lost, nothing stays open."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.arm import Arm
from support.local_azure import BIN, LocalAzure, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GROUP = "resilience"
MARK = uuid.uuid4().hex[:10]
MIB = 1 << 20
AZURE_SIDE = Path(__file__).parent / "targets/vhd_upload/files/azure_side.py"
KILLS = 18
RUNS = 18  # within so many runs a play must get through, however often its Azure dies
RECAP = re.compile(r"^localhost\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)
# A write that ARM has answered: the resource is there from then on.
RESOURCE = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+(/providers/[^/]+(/[^/]+/[^/]+)+)?$", re.IGNORECASE)


@dataclass
class Bench:
    """A folder with a disk in it, and a local Azure that may be killed."""

    folder: Path
    azure: LocalAzure
    mark: str = field(default_factory=lambda: f"resilience-{uuid.uuid4()}")

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.azure.environment,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_FORCE_COLOR": "0",
            "RESILIENCE_MARK": self.mark,  # by which its processes are found again
        }

    def start(self, tasks: list[dict[str, Any]], **variables: Any) -> subprocess.Popen[str]:
        """Begin a playbook, in a session of its own as a terminal or AWX has it."""
        playbook = self.folder / "play.json"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        return subprocess.Popen(
            [str(BIN / "ansible-playbook"), str(playbook), "-e", json.dumps(variables)],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, tasks: list[dict[str, Any]], **variables: Any) -> tuple[int, str]:
        process = self.start(tasks, **variables)
        text = process.communicate(timeout=480)[0]
        return process.returncode, text

    def processes(self) -> list[str]:
        """The playbooks' processes that still run, as far as this user can see."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                alive = (path / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
                if alive and self.mark.encode() in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def side(self, *words: str) -> None:
        """What no module does: see azure_side.py."""
        command = [sys.executable, str(AZURE_SIDE), *words]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]

    # --- the emulator ------------------------------------------------------------------------------------------------
    @property
    def server(self) -> int:
        return int(json.loads((self.azure.data / "server.json").read_text())["pid"])

    def kill_azure(self) -> None:
        """`kill -9`, and start again at the same address."""
        pid = self.server
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "The end of the emulator")
        self.azure.command("start")

    def log(self) -> list[dict[str, Any]]:
        """The request log, without asking the emulator."""
        path = self.azure.data / "requests.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    @cached_property
    def arm(self) -> Arm:
        return Arm(self.azure.environment, self.mark)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60, every: float = 0.02) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen in {seconds:.0f} s"
        time.sleep(every)


def make_disk(path: Path, size: int, data: int) -> None:
    """A disk that both generations can start, with random data in its last partition."""
    with path.open("wb") as file:
        file.truncate(size)
    partitions = ["--new=1:2048:4095", "--typecode=1:ef02", "--new=2:4096:8191", "--typecode=2:ef00", "--new=3:8192:0"]
    subprocess.run(["sgdisk", *partitions, str(path)], check=True, stdout=subprocess.DEVNULL)
    with path.open("r+b") as file:
        file.write(b"\xebc\x90")
        file.seek(8 * MIB)
        file.write(random.Random(7).randbytes(data))


def make_group(bench: Bench) -> None:
    code, text = bench.run([{"goldenimage.azure.resource_group": {"name": GROUP, "location": "westeurope"}}])
    assert code == 0, text


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A local Azure of its own: the other tests' one is not to be killed."""
    folder = tmp_path_factory.mktemp("resilience")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / "key")], check=True)
    with running(folder / "azure") as azure:
        made = Bench(folder, azure)
        try:
            yield made
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(made.server, signal.SIGCONT)


# --- a killed Azure --------------------------------------------------------------------------------------------------
def from_disk_to_machines(bench: Bench, group: str) -> list[dict[str, Any]]:
    """Every kind of resource that the modules make, in one play."""
    user = {"admin_username": "azureuser", "ssh_public_keys": [(bench.folder / "key.pub").read_text().strip()]}
    tasks: list[dict[str, Any]] = [
        {"resource_group": {"name": group, "location": "westeurope"}},
        {"vhd_upload": {"path": "disk.raw", "disk": "uploaded", "os_type": "Linux", "connections": 2}},
        {"vhd_upload": {**blob_of(group), "path": "disk.raw", "create_container": True, "connections": 2}},
        {"disk": {"name": "data", "disk_size_gb": 4}},
        {"managed_image": {"name": "first", "os_disk": {"source": "uploaded"}}},
        {"vm": {"name": "one", "image": "first", "data_disks": [{"lun": 0, "disk_size_gb": 4}], **user}},
        {"vm_generalize": {"name": "one", "power_off": True}},
        {"vm_capture": {"name": "one", "image": "second", "kind": "vm_image"}},
        {"vm": {"name": "two", "image": "second", **user}},
        {"vm": {"name": "two", "state": "deallocated"}},
        {"vm": {"name": "two", "tags": {"team": "images"}, "state": "started"}},
    ]
    # Repeating the last but one would stop the machine that the last one starts; only the final state is repeated.
    return [
        {
            f"goldenimage.azure.{module}": options
            if module == "resource_group"
            else {"resource_group": group, **options},
            **({"when": "not again | default(false)"} if options.get("state") == "deallocated" else {}),
        }
        for task in tasks
        for module, options in task.items()
    ]


def blob_of(group: str) -> dict[str, str]:
    """Where the play puts its page blob; the account is there before."""
    return {"storage_account": f"{GROUP}{MARK}", "container": "vhds", "blob": f"{group}.vhd", "resource_group": GROUP}


class Killer(threading.Thread):
    """Kills the emulator, at the next write or some requests later, and looks what it has forgotten."""

    def __init__(self, bench: Bench, seed: int) -> None:
        super().__init__(daemon=True)
        self._bench = bench
        self._chance = random.Random(seed)
        self._ended = threading.Event()
        self.after: list[str] = []
        self.lost: list[str] = []
        self.failure: BaseException | None = None

    def stop(self) -> None:
        self._ended.set()
        self.join(60)
        if self.failure:
            raise self.failure

    def run(self) -> None:
        try:
            while len(self.after) < KILLS and not self._ended.is_set():
                self._kill(len(self._requests()), self._chance.choice([0, 0, 1, 4, 9, 14]))
        except BaseException as failure:
            self.failure = failure

    def _requests(self) -> list[dict[str, Any]]:
        return [entry for entry in self._bench.log() if entry["user_agent"] != self._bench.mark]

    def _kill(self, begin: int, count: int) -> None:
        """Wait for `count` requests, or, for 0, until something is written."""
        while True:
            new = self._requests()[begin:]
            if len(new) >= count if count else any(entry["write"] for entry in new):
                break
            if self._ended.wait(0.002):
                return
        # The line is written just before the answer: sometimes the answer gets through, and sometimes the next request.
        time.sleep(self._chance.choice([0, 0, 0.005, 0.02]))
        last = self._requests()[-1]
        self._bench.kill_azure()
        self.after.append(f"{last['method']} {last['path'].rpartition('/')[2]}")
        self._look()

    def _look(self) -> None:
        """All that was answered before is there, unless it was deleted meanwhile."""
        known = acknowledged(self._requests())
        missing = {path for path in known if self._bench.arm.get(path) is None}
        self.lost += sorted(missing & acknowledged(self._requests()))


def acknowledged(log: list[dict[str, Any]]) -> set[str]:
    """The resources whose creation was answered with success, without those whose deletion was."""
    found: dict[str, str] = {}
    for entry in log:
        if RESOURCE.search(entry["path"]) and 200 <= entry["status"] < 300:
            if entry["method"] == "PUT":
                found[entry["path"].lower()] = entry["path"]
            elif entry["method"] == "DELETE":
                found.pop(entry["path"].lower(), None)
    return set(found.values())


@pytest.mark.soak
def test_azure_is_killed_between_requests(bench: Bench) -> None:
    seed = int(os.environ.get("RESILIENCE_SEED") or random.SystemRandom().randrange(10**6))
    print(f"RESILIENCE_SEED={seed}")
    make_disk(bench.folder / "disk.raw", 64 * MIB, 24 * MIB)
    make_group(bench)
    bench.side("account", GROUP, blob_of("")["storage_account"])
    killer = Killer(bench, seed)
    killer.start()
    failures: list[str] = []
    groups: list[str] = []
    while len(killer.after) < KILLS and not killer.failure:
        groups.append(f"{GROUP}-{len(groups)}")
        failures += get_through(bench, groups[-1])
    killer.stop()
    print(f"killed after {killer.after}; {len(failures)} runs failed: {failures}")
    assert killer.lost == []
    for group in groups:
        check_end(bench, group)
        before = bench.azure.log_end
        code, text = bench.run(from_disk_to_machines(bench, group), again=True)
        assert (code, RECAP.findall(text)) == (0, ["0"]), text
        assert bench.azure.writes(before) == []


def get_through(bench: Bench, group: str) -> list[str]:
    """Run the play until it succeeds; how it failed before."""
    failures: list[str] = []
    while len(failures) < RUNS:
        code, text = bench.run(from_disk_to_machines(bench, group))
        if code == 0:
            return failures
        failures.append(check_message(text))
    pytest.fail(f"the play does not get through: {failures}")


def check_message(text: str) -> str:
    """A failed task says what it wanted of whom, and is no accident of ours."""
    assert "Traceback" not in text, text
    assert "Unexpected" not in text, text
    messages = re.findall(r"(?:Module failed: |\"msg\": \")(Could not [^\n\"]+|\w+ing [^\n\"]+ failed: [^\n\"]+)", text)
    assert messages, text
    assert " lacks " not in text, f"pages that were acknowledged are lost: {text}"
    return str(messages[0])[:300]


def check_end(bench: Bench, group: str) -> None:
    """Exactly what the play describes exists, whole."""
    base = f"resourceGroups/{group}/providers/Microsoft."
    disks, images, machines = (
        bench.arm.named(f"{base}Compute/{kind}") for kind in ("disks", "images", "virtualMachines")
    )
    assert set(images) == {"first", "second"}
    assert set(machines) == {"one", "two"}
    assert machines["two"]["tags"]["team"] == "images"
    attached = [disk for disk in disks.values() if "managedBy" in disk]
    assert len(attached) == 4, disks
    assert set(disks) - {disk["name"] for disk in attached} == {"uploaded", "data"}
    assert {disk["properties"]["diskState"] for disk in disks.values()} <= {"Unattached", "Attached", "Reserved"}
    assert len(bench.arm.named(f"{base}Network/networkInterfaces")) == 2
    states = {one["properties"]["provisioningState"] for found in (disks, images, machines) for one in found.values()}
    assert states == {"Succeeded"}
    bench.side("fetch", group, "uploaded", "uploaded.vhd")
    bench.side("blob", GROUP, "/".join(list(blob_of(group).values())[:3]), "blob.vhd")
    for name in ("uploaded.vhd", "blob.vhd"):
        subprocess.run(["cmp", f"--bytes={64 * MIB}", "disk.raw", name], cwd=bench.folder, check=True)


# --- a killed playbook -----------------------------------------------------------------------------------------------
SIGNALS: dict[str, Callable[[int], None]] = {
    "SIGTERM to the playbook": lambda pid: os.kill(pid, signal.SIGTERM),
    "SIGINT from a terminal": lambda pid: os.killpg(pid, signal.SIGINT),
    "SIGKILL to the playbook": lambda pid: os.kill(pid, signal.SIGKILL),
}


@dataclass
class Upload:
    """One upload into a disk of its own, of a file that takes many requests."""

    bench: Bench
    disk: str
    begin: int

    def play(self) -> list[dict[str, Any]]:
        options = {"resource_group": GROUP, "path": "large.raw", "disk": self.disk, "connections": 1}
        return [{"goldenimage.azure.vhd_upload": options}]

    def hold(self, *, inside: bool = True) -> subprocess.Popen[str]:
        """Start the playbook, and hold it with its third Put Page by stopping the emulator."""
        bench = self.bench
        process = bench.start(self.play(), goldenimage_run_in_controller=inside)
        path, sent = bench.azure.data / "requests.jsonl", '"method":"PUT","path":"/_disks/'
        before = path.read_text().count(sent)
        wait_for(lambda: path.read_text().count(sent) >= before + 3, "The upload", every=0.001)
        os.kill(bench.server, signal.SIGSTOP)
        assert "endGetAccess" not in self.calls(), "the upload was too fast"
        return process

    def calls(self) -> list[str]:
        """The last parts of the paths of what was asked since the begin."""
        return [entry["path"].rpartition("/")[2] for entry in self.bench.log()[self.begin :]]

    @property
    def path(self) -> str:
        return f"resourceGroups/{GROUP}/providers/Microsoft.Compute/disks/{self.disk}"

    @property
    def state(self) -> str | None:
        disk = self.bench.arm.get(self.path)
        return disk["properties"]["diskState"] if disk else None

    def finish(self, changed: int = 1) -> None:
        code, text = self.bench.run(self.play())
        assert (code, RECAP.findall(text)) == (0, [str(changed)]), text
        assert self.state == "Unattached"


@pytest.fixture
def upload(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Upload]:
    if not (bench.folder / "large.raw").exists():
        make_disk(bench.folder / "large.raw", 160 * MIB, 128 * MIB)
        make_group(bench)
    try:
        yield Upload(bench, f"disk-{uuid.uuid4().hex[:8]}", len(bench.log()))
    finally:
        os.kill(bench.server, signal.SIGCONT)


@pytest.mark.parametrize(("how", "inside"), [*((how, True) for how in SIGNALS), ("SIGTERM to the playbook", False)])
def test_a_cancelled_upload_leaves_no_access(upload: Upload, how: str, inside: bool) -> None:
    """Inside the controller; the ordinary way, all of whose signals test_cancel sends, once."""
    process = upload.hold(inside=inside)
    SIGNALS[how](process.pid)
    time.sleep(0.3)
    os.kill(upload.bench.server, signal.SIGCONT)
    process.communicate(timeout=60)
    wait_for(lambda: not upload.bench.processes(), "The end of all processes", seconds=30)
    assert process.returncode != 0
    assert upload.calls().count("beginGetAccess") == upload.calls().count("endGetAccess") == 1
    assert upload.state == "ReadyToUpload", "the incomplete disk is there for the next run, and nobody has access"
    upload.finish()


@pytest.mark.parametrize("left", ["ActiveUpload", "ReadyToUpload"])
def test_an_upload_killed_with_all_its_processes_is_gone_on_with(upload: Upload, left: str) -> None:
    """Nothing could be taken back; the next run finds the disk as it was left."""
    process = upload.hold()
    # Stopped first, so that none of them hears of another's death.
    everyone = [process.pid, *children(process.pid)]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in everyone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    process.communicate(timeout=60)
    wait_for(lambda: not upload.bench.processes(), "The end of all processes", seconds=30)
    os.kill(upload.bench.server, signal.SIGCONT)
    assert upload.state == "ActiveUpload"
    if left == "ReadyToUpload":
        upload.bench.arm.call("POST", f"{upload.path}/endGetAccess")
        wait_for(lambda: upload.state == left, "The end of the access")
    upload.finish()
    upload.finish(changed=0)
    upload.bench.side("fetch", GROUP, upload.disk, "back.vhd")
    subprocess.run(["cmp", f"--bytes={160 * MIB}", "large.raw", "back.vhd"], cwd=upload.bench.folder, check=True)


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    with contextlib.suppress(OSError):
        direct = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [*direct, *(below for child in direct for below in children(child))]
    return []

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted Debian in a container that stands for an Azure VM reached over SSH.

The system boots with its own systemd and sshd in systemd-nspawn, in a network of its own; a small relay makes its
sshd reachable on a loopback port. Powering it off ends everything. As a context manager:

    with NspawnVM(root_archive, folder, public_key) as vm:
        ...  # ssh -p vm.port builder@127.0.0.1
        vm.wait_until_off(30)

or from a shell; ``start`` returns when sshd answers and prints {"host", "port", "user"}:

    nspawn_vm.py start --folder DIR --root TAR --public-key FILE [--when-off COMMAND …]
    nspawn_vm.py stop --folder DIR
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import queue
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

CLONE_NEWNET = 0x40000000
POWER_OFF = signal.SIGRTMIN + 4  # what systemd, as process 1, takes for "power off"
TOOLS = {"systemd-nspawn": "systemd-container", "setpriv": "util-linux", "tar": "tar"}


class VMError(Exception):
    """The stand-in could not be started or stopped."""


def wait_for(what: str, check: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise VMError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(0.1)


class Relay:
    """Listen on a loopback port of this machine and connect to port 22 inside the network of process ``leader``."""

    def __init__(self, leader: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._orders: queue.Queue[socket.socket | None] = queue.Queue()
        self._network = os.open(f"/proc/{leader}/ns/net", os.O_RDONLY)
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._dial, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._orders.put(None)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                self._orders.put(self._listener.accept()[0])

    def _dial(self) -> None:
        """Enter the guest's network, for this thread alone, and make a connection there for each client."""
        libc = ctypes.CDLL(None, use_errno=True)
        entered = libc.setns(self._network, CLONE_NEWNET) == 0
        os.close(self._network)
        while entered and (client := self._orders.get()):
            try:
                guest = socket.create_connection(("127.0.0.1", 22), timeout=5)
            except OSError:
                client.close()
                continue
            guest.settimeout(None)
            threading.Thread(target=self._copy, args=(client, guest), daemon=True).start()

    @staticmethod
    def _copy(client: socket.socket, guest: socket.socket) -> None:
        with client, guest, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
            selector.register(client, selectors.EVENT_READ, guest)
            selector.register(guest, selectors.EVENT_READ, client)
            while True:
                for key, _events in selector.select():
                    data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


class NspawnVM:
    """One booted system. ``folder`` gets ``root/`` and ``console.log``; leaving the context removes ``root/``.

    ``when_off`` is called once, when the guest has powered off by itself.
    """

    def __init__(
        self,
        root_archive: Path,
        folder: Path,
        public_key: str,
        *,
        user: str = "builder",
        when_off: Callable[[], object] | None = None,
    ) -> None:
        self.root_archive = root_archive
        self.folder = folder
        self.root = folder / "root"
        self.public_key = public_key.strip()
        self.user = user
        self.host = "127.0.0.1"
        self.port = 0
        self._when_off = when_off
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> NspawnVM:
        missing = sorted(package for tool, package in TOOLS.items() if not shutil.which(tool))
        if missing:
            raise VMError(f"tools are missing; install them with: apt-get install {' '.join(missing)}")
        if os.geteuid() != 0:
            raise VMError("only root can boot a system in systemd-nspawn")
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.root, ignore_errors=True)
            self._unpack()
            self._boot(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_until_off(self, timeout: float) -> None:
        """Wait until the guest has powered itself off and ``when_off`` has been called."""
        self._watcher.join(timeout)
        if self._watcher.is_alive():
            raise VMError(f"the guest is still running after {timeout:.0f} s; see {self.folder / 'console.log'}")

    def _unpack(self) -> None:
        self.root.mkdir(parents=True)
        options = ["--numeric-owner", "--xattrs", "--xattrs-include=*"]
        subprocess.run(["tar", *options, "-C", self.root, "-xpf", self.root_archive], check=True)
        keys = self.root / "home" / self.user / ".ssh/authorized_keys"
        if not keys.exists():
            raise VMError(f"{self.root_archive} has no user {self.user!r} with authorized keys")
        keys.write_text(self.public_key + "\n")

    def _boot(self, undo: contextlib.ExitStack) -> None:
        name = f"vm{os.getpid()}-{self.folder.name}"[:60]
        # setpriv: if this process is killed, nspawn is told to end, and with it the guest.
        command = ["setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "-q", "--register=no", "--keep-unit", "--boot"]
        command += [f"--machine={name}", "-D", str(self.root), "--console=pipe", "--private-network"]
        # Its fstab names a disk that a container does not have.
        command += ["systemd.mask=systemd-remount-fs.service"]
        with (self.folder / "console.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        undo.callback(self._stop)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        wait_for("the start of the guest's first process", lambda: self._leader() is not None or not self.running, 20)
        leader = self._leader()
        if leader is None:
            raise VMError(f"systemd-nspawn ended: {(self.folder / 'console.log').read_text(errors='replace')[-500:]}")
        relay = Relay(leader)
        undo.callback(relay.close)
        self.port = relay.port
        wait_for("the answer of the guest's sshd", self._sshd_answers, 60)

    def _leader(self) -> int | None:
        if self._process is None:
            return None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                # nspawn's helper child shares this machine's processes; the guest's first one is number 1 in its own.
                status = Path(f"/proc/{child}/status").read_text()
                numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
                if (
                    len(numbers) > 1
                    and numbers[-1] == "1"
                    and Path(f"/proc/{child}/comm").read_text().strip() == "systemd"
                ):
                    return int(child)
        return None

    def _sshd_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=2) as probe:
            return probe.recv(4) == b"SSH-"
        return False

    def _watch(self) -> None:
        if self._process is not None:
            self._process.wait()
        if self._when_off and not self._stopping:
            self._when_off()

    def _stop(self) -> None:
        self._stopping = True
        if self._process is None or self._process.poll() is not None:
            return
        leader = self._leader()
        for pid, number, patience in ((leader, POWER_OFF, 20), (leader, signal.SIGKILL, 5), (self._process.pid, 9, 5)):
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience)
                    return


def serve(arguments: argparse.Namespace) -> int:
    """Hold the guest in the foreground until it is off or this process is told to end."""
    when_off = arguments.when_off or None

    def run_command() -> None:
        if when_off:
            subprocess.run(when_off, check=False)

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    state = arguments.folder / "vm.json"
    key = arguments.public_key.read_text()
    with NspawnVM(arguments.root, arguments.folder, key, user=arguments.user, when_off=run_command) as vm:
        scratch = state.with_suffix(".part")
        scratch.write_text(json.dumps({"host": vm.host, "port": vm.port, "user": vm.user, "pid": os.getpid()}))
        scratch.replace(state)
        while vm.running and not ended.wait(0.2):
            pass
        if not vm.running:
            vm.wait_until_off(60)
    state.unlink()
    return 0


def start(arguments: argparse.Namespace) -> int:
    arguments.folder.mkdir(parents=True, exist_ok=True)
    state = arguments.folder / "vm.json"
    if state.exists():
        raise VMError(f"{state} exists: a guest of that folder is running or was killed; stop it first")
    log = arguments.folder / "vm.log"
    command = [sys.executable, __file__, "serve", *sys.argv[2:]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    wait_for("the start of the guest", lambda: state.exists() or process.poll() is not None, 120)
    if process.poll() is not None:
        raise VMError(f"the guest did not start: {log.read_text(errors='replace')[-800:]}")
    facts = json.loads(state.read_text())
    print(json.dumps({name: facts[name] for name in ("host", "port", "user")}))
    return 0


def stop(arguments: argparse.Namespace) -> int:
    state = arguments.folder / "vm.json"
    if not state.exists():
        return 0
    pid = json.loads(state.read_text())["pid"]
    with contextlib.suppress(OSError):
        if str(arguments.folder) in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGTERM)
            wait_for("the end of the guest", lambda: not state.exists(), 60)
    state.unlink(missing_ok=True)
    shutil.rmtree(arguments.folder / "root", ignore_errors=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="A booted system in a container that stands for a VM.")
    verbs = parser.add_subparsers(required=True)
    for verb in (start, serve):
        starter = verbs.add_parser(verb.__name__)
        starter.set_defaults(verb=verb)
        starter.add_argument("--folder", type=lambda text: Path(text).absolute(), required=True)
        starter.add_argument("--root", type=Path, required=True, help="the root file system as a tar archive")
        starter.add_argument("--public-key", type=Path, required=True, help="whose owner may log in")
        starter.add_argument("--user", default="builder")
        starter.add_argument("--when-off", nargs=argparse.REMAINDER, help="run this when the guest has powered off")
    stopper = verbs.add_parser("stop")
    stopper.set_defaults(verb=stop)
    stopper.add_argument("--folder", type=lambda text: Path(text).absolute(), required=True)
    arguments = parser.parse_args()
    try:
        return int(arguments.verb(arguments))
    except VMError as error:
        print(f"nspawn_vm: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

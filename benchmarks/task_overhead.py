# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds that one task costs: a trivial ordinary module, one of ours as an ordinary module, one of ours inside.

Run it with the Python of an environment that has Ansible: ``.venv/bin/python benchmarks/task_overhead.py``. Ours is
``vhd_info``; where the environment points at an Azure (``eval "$(azure-emulator env --data …)"``) it is ``disk_info``,
which asks for all disks of the subscription. Exits 1 when the target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
TRIVIAL = "ansible.builtin.ping, a trivial ordinary module"
ORDINARY = "ours as an ordinary module"
INSIDE = "ours inside the controller"
TARGET_SECONDS = 0.3
TARGET_RATIO = 2.0


def empty_vhd(path: Path) -> None:
    """A fixed VHD of 1 MiB of zeros: the smallest thing that vhd_info has something to say about."""
    size = 1024 * 1024
    footer = struct.pack(
        ">8sIIQI4sI4sQQHBBII16sB427x",
        *(b"conectix", 2, 0x10000, 0xFFFFFFFFFFFFFFFF, 0, b"gibm", 0x10000, b"Wi2k", size, size, 30, 4, 17, 2, 0),
        *(uuid.UUID(int=1).bytes, 0),
    )
    checksum = ~sum(footer) & 0xFFFFFFFF
    path.write_bytes(bytes(size) + footer[:64] + struct.pack(">I", checksum) + footer[68:])


def seconds(folder: Path, task: dict[str, Any], count: int, **variables: Any) -> float:
    """Wall time of one playbook with ``count`` times the task."""
    playbook = folder / "playbook.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task] * count}]))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), "-e", json.dumps(variables)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_LOCALHOST_WARNING": "false"}
    began = time.monotonic()
    subprocess.run(
        command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    return time.monotonic() - began


def measure(folder: Path, tasks: int, repeats: int) -> dict[str, float]:
    """Seconds per task: the best of the repeats, less a playbook that has one such task only."""
    ping: dict[str, Any] = {"ansible.builtin.ping": {}}
    ours: dict[str, Any] = {"goldenimage.azure.disk_info": {}}
    if "AZURE_SUBSCRIPTION_ID" not in os.environ:
        vhd = folder / "empty.vhd"
        empty_vhd(vhd)
        ours = {"goldenimage.azure.vhd_info": {"path": str(vhd)}}
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        TRIVIAL: (ping, {}),
        ORDINARY: (ours, {"goldenimage_run_in_controller": False}),
        INSIDE: (ours, {}),
    }
    best = {}
    for name, (task, variables) in kinds.items():
        empty = min(seconds(folder, task, 1, **variables) for _repeat in range(repeats))
        full = min(seconds(folder, task, 1 + tasks, **variables) for _repeat in range(repeats))
        best[name] = (full - empty) / tasks
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=15, help="tasks per playbook (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="the best of so many (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        namespace = folder / "ansible_collections" / "goldenimage"
        namespace.mkdir(parents=True)
        (namespace / "azure").symlink_to(REPOSITORY)
        figures = measure(folder, options.tasks, options.repeats)
    for text, figure in figures.items():
        print(f"{figure:6.3f} s  {text}")
    trivial, inside = figures[TRIVIAL], figures[INSIDE]
    met = inside <= TARGET_SECONDS and trivial / inside >= TARGET_RATIO
    print(
        f"{trivial / inside:6.1f} times as fast as the trivial module; target: {TARGET_RATIO:.0f}, and ≤ {TARGET_SECONDS} s"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

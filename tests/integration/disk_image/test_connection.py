# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks inside a disk file: modules, commands, files, users, formats."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from .conftest import Bench, check_file_system, read_file
from .tiny_disk import FILES, MIB, ROOT_UUID, run

WRITE = {"copy": {"content": "written\n", "dest": "/etc/written"}}
RESET = {"meta": "reset_connection"}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_modules_see_the_disks_system_with_the_hosts_network(bench: Bench) -> None:
    bench.variables = {"ansible_python_interpreter": "auto_silent"}
    nameservers = Path("/etc/resolv.conf").read_text(encoding="utf-8")
    bench.play(
        {"setup": {"gather_subset": ["!all", "min", "chroot", "service_mgr", "python"]}},
        {
            "assert": {
                "that": [
                    "ansible_facts.is_chroot",
                    "ansible_facts.hostname == 'tiny'",
                    "ansible_facts.service_mgr == 'systemd'",
                    "ansible_facts.user_id == 'root'",
                    "ansible_facts.python.executable == '/usr/bin/python3'",
                ]
            }
        },
        {"command": "cat /etc/resolv.conf", "register": "dns"},
        {"command": "cat /boot/config-test", "register": "boot"},
        {"command": "cat /proc/1/comm", "register": "init"},
        {"command": f"readlink -e /dev/disk/by-uuid/{ROOT_UUID}", "register": "device"},
        {"command": "grep '^/dev/partition1 / ext4 rw' /proc/mounts"},
        {"shell": "echo x > /dev/null && touch /run/x /dev/shm/x /tmp/x && ls /sys/kernel", "register": "kernel"},
        {"shell": "echo 1 > /proc/sys/vm/swappiness", "register": "sysctl", "failed_when": "sysctl.rc == 0"},
        {"assert": {"that": ["dns.stdout == wanted", "boot.stdout == 'CONFIG=y'", "init.stdout == 'init'"]}},
        {"assert": {"that": ["device.stdout == '/dev/partition1'"]}},
        WRITE,
        RESET,
        vars={"wanted": nameservers.rstrip("\n")},
    )
    assert read_file(bench.disk, "/etc/written") == "written\n"
    assert read_file(bench.disk, "/etc/resolv.conf") == FILES["etc/resolv.conf"]
    assert not run("debugfs", "-R", "ls -p /root", f"{bench.disk}?offset={18 * MIB}").count("ansible")
    check_file_system(bench.disk)


def test_services_are_enabled_and_disabled_but_never_started(bench: Bench) -> None:
    enable = {"systemd_service": {"name": "tiny", "enabled": True, "state": "started"}, "register": "first"}
    disable = {"service": {"name": "tiny", "enabled": False}, "register": "third"}
    bench.play(
        enable,
        {**enable, "register": "second"},
        {"stat": {"path": "/etc/systemd/system/multi-user.target.wants/tiny.service"}, "register": "link"},
        disable,
        {"command": "systemctl start tiny", "register": "start"},
        {
            "assert": {
                "that": [
                    "first.changed and not second.changed and third.changed",
                    "link.stat.islnk",
                    "'ignoring command' in start.stderr",
                ]
            }
        },
    )


def test_users(bench: Bench) -> None:
    bench.play(
        {"command": "id -un", "become": True, "register": "root"},
        {"command": "id -un", "become": True, "become_user": "worker", "become_method": "su", "register": "worker"},
        {"assert": {"that": ["root.stdout == 'root'", "worker.stdout == 'worker'"]}},
    )


def test_input_output_and_exit_codes(bench: Bench) -> None:
    bench.play(
        {"raw": "exit 7", "register": "seven", "failed_when": "seven.rc != 7"},
        {"raw": "head -c 6000000 /dev/zero | tr '\\0' x; echo problem >&2", "register": "large"},
        {
            "command": {"cmd": "sha256sum", "stdin": "{{ 'abc' * 500000 }}", "stdin_add_newline": False},
            "register": "in",
        },
        {"raw": "sleep 30 & echo started", "register": "daemon", "timeout": 10},
        {"raw": "kill -9 $$", "register": "killed", "failed_when": "killed.rc != -9"},
        {
            "assert": {
                "that": [
                    "large.stdout | length == 6000000 and large.stderr == 'problem\\n'",
                    "in.stdout.split()[0] == ('abc' * 500000) | hash('sha256')",
                    "daemon.stdout == 'started\\n'",
                ]
            }
        },
    )


def test_a_task_that_times_out_is_ended_inside_too(bench: Bench) -> None:
    bench.play(
        {"command": "sleep 43.21", "timeout": 2, "ignore_errors": True, "register": "slow"},
        {"shell": "sleep 4; grep -l '[4]3.21' /proc/[0-9]*/cmdline", "register": "left", "failed_when": "left.rc != 1"},
        {"assert": {"that": ["slow is failed"]}},
    )


def test_large_binary_files_travel_both_ways(bench: Bench) -> None:
    source = bench.folder / "large"
    source.write_bytes(os.urandom(50 * MIB))
    bench.play(
        {"copy": {"src": str(source), "dest": "/root/a name with 'quotes' $x"}},
        {"fetch": {"src": "/root/a name with 'quotes' $x", "dest": f"{bench.folder}/back", "flat": True}},
    )
    assert digest(bench.folder / "back") == digest(source)


@pytest.mark.parametrize("pipelining", [True, False])
def test_loops_forks_and_async_share_one_keeper(bench: Bench, pipelining: bool) -> None:
    bench.variables = {"ansible_pipelining": pipelining}
    bench.play(
        {"shell": "echo {{ inventory_hostname }}-{{ item }} >> /root/log-{{ inventory_hostname }}", "loop": [1, 2, 3]},
        {"shell": "sleep 1; echo done > /root/async-{{ inventory_hostname }}", "async": 30, "poll": 1},
        {"command": "cat /root/log-disk0 /root/log-disk1 /root/log-disk2", "register": "log", "run_once": True},
        {"command": "cat /root/async-disk1", "register": "late"},
        {"assert": {"that": ["log.stdout_lines | length == 9", "late.stdout == 'done'"]}},
        hosts=3,
        strategy="linear",
    )


@pytest.mark.parametrize("form", ["vhd", "qcow2"])
def test_other_formats_are_written_in_place(bench: Bench, form: str) -> None:
    raw = bench.disk
    bench.disk = bench.folder / f"disk.{form}"
    options = ["-O", "vpc", "-o", "subformat=fixed,force_size=on"] if form == "vhd" else ["-O", "qcow2"]
    run("qemu-img", "convert", "-f", "raw", *options, str(raw), str(bench.disk))
    footer = bench.disk.read_bytes()[-512:]
    bench.play(WRITE, {"command": "cat /etc/written /boot/config-test"}, RESET)
    back = bench.folder / "back.raw"
    run("qemu-img", "convert", "-f", "vpc" if form == "vhd" else form, "-O", "raw", str(bench.disk), str(back))
    assert read_file(back, "/etc/written") == "written\n"
    check_file_system(back)
    if form == "vhd":
        assert bench.disk.read_bytes()[-512:] == footer
    else:
        run("qemu-img", "check", str(bench.disk))


@pytest.mark.parametrize("form", ["vpc", "vhdx"])
def test_formats_that_cannot_be_written_safely_can_be_looked_at(bench: Bench, form: str) -> None:
    raw = bench.disk
    bench.disk = bench.folder / "disk.img"
    run("qemu-img", "convert", "-f", "raw", "-O", form, str(raw), str(bench.disk))
    before = digest(bench.disk)
    output = bench.play(WRITE, rc=4)
    assert "read_only: true" in output
    assert "vhd_convert" in output
    bench.variables = {"ansible_disk_image_read_only": True}
    bench.play({"command": "cat /etc/hostname", "register": "name", "failed_when": "name.stdout != 'tiny'"}, RESET)
    assert digest(bench.disk) == before


def test_read_only_leaves_every_byte(bench: Bench) -> None:
    before = digest(bench.disk)
    bench.disk.chmod(0o444)
    bench.variables = {"ansible_disk_image_read_only": True}
    bench.play(
        WRITE,
        {"command": "cat /etc/written"},
        RESET,
        {"stat": {"path": "/etc/written"}, "register": "gone", "failed_when": "gone.stat.exists"},
        RESET,
    )
    assert digest(bench.disk) == before


def test_trim_gives_freed_blocks_back(bench: Bench) -> None:
    fill = {"shell": "dd if=/dev/urandom of=/root/large bs=1M count=40 conv=fsync && rm /root/large && sync"}
    bench.play(fill, RESET)
    full = bench.disk.stat().st_blocks * 512
    bench.variables = {"ansible_disk_image_trim": True}
    bench.play({"raw": "true"}, RESET)
    assert bench.disk.stat().st_blocks * 512 < full - 30 * MIB


def test_a_missing_resolv_conf_is_missing_again_afterwards(bench: Bench) -> None:
    run("debugfs", "-w", "-R", "rm /etc/resolv.conf", f"{bench.disk}?offset={18 * MIB}")
    bench.play({"command": "grep nameserver /etc/resolv.conf"}, RESET)
    assert not read_file(bench.disk, "/etc/resolv.conf")
    assert "resolv" not in run("debugfs", "-R", "ls -p /etc", f"{bench.disk}?offset={18 * MIB}")

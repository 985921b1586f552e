# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer at a time, and nothing left behind: crashes, Ctrl-C, idleness, the end of a play."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from .conftest import NAP, Bench, check_file_system, keepers, read_file, sleepers, wait_for
from .tiny_disk import MIB, run

HELLO = {"raw": "cat /etc/hostname"}
RESET = {"meta": "reset_connection"}
HERE = {"delegate_to": "localhost", "vars": {"ansible_connection": "local"}}


def test_a_second_play_is_told_who_has_the_disk(bench: Bench) -> None:
    first = bench.start_sleeper()
    (keeper,) = keepers(bench.disk)
    output = bench.play(HELLO, rc=4)
    assert f"in use by process {keeper}, which serves the ansible process {first.pid}" in output
    bench.variables = {"ansible_disk_image_read_only": True}
    assert f"process {keeper}" in bench.play(HELLO, rc=4)
    assert first.poll() is None


def test_lookers_share_the_disk_and_keep_writers_out(bench: Bench) -> None:
    bench.variables = {"ansible_disk_image_read_only": True}
    bench.start_sleeper()
    bench.play(HELLO)
    bench.variables = {}
    assert "in use by process" in bench.play(HELLO, rc=4)


def test_a_play_that_follows_at_once_waits_for_the_unmount(bench: Bench) -> None:
    for number in range(3):
        bench.play({"raw": f"dd if=/dev/zero of=/root/{number} bs=1M count=10"})
    bench.play({"raw": "ls /root/0 /root/1 /root/2"}, RESET)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_ansible_is_killed(bench: Bench, number: signal.Signals) -> None:
    play = bench.start_sleeper()
    if number == signal.SIGINT:
        os.killpg(play.pid, number)  # as a terminal does on Ctrl-C
    else:
        play.send_signal(number)
    play.wait(timeout=30)
    bench.wait_until_clean()
    assert not sleepers()
    check_file_system(bench.disk)
    assert read_file(bench.disk, "/root/sleeping") == "x\n"


def test_nothing_is_left_when_the_keeper_is_killed(bench: Bench) -> None:
    play = bench.start_sleeper()
    (keeper,) = keepers(bench.disk)
    os.kill(keeper, signal.SIGKILL)
    bench.wait_until_clean()
    assert not sleepers()
    output, _nothing = play.communicate(timeout=30)
    assert play.returncode == 4, output
    assert "its keeper has ended" in output
    check_file_system(bench.disk)
    bench.play(HELLO)


def test_nothing_is_left_when_all_are_killed_with_a_translated_disk(bench: Bench) -> None:
    raw = bench.disk
    bench.disk = bench.folder / "disk.qcow2"
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(bench.disk))
    play = bench.start_sleeper()
    (keeper,) = keepers(bench.disk)
    os.kill(keeper, signal.SIGKILL)
    os.killpg(play.pid, signal.SIGKILL)
    bench.wait_until_clean()
    wait_for(lambda: not sleepers(), "the task ends")  # it and the program that has the file open end side by side
    bench.play(HELLO, RESET)
    run("qemu-img", "check", str(bench.disk))


def test_daemons_are_ended_with_the_play(bench: Bench) -> None:
    bench.play({"raw": f"trap '' TERM HUP; setsid sleep {NAP} < /dev/null > /dev/null 2>&1 & sleep 0.2"})
    bench.wait_until_clean()
    assert not sleepers()


def test_reset_connection_frees_the_file_before_the_next_task(bench: Bench) -> None:
    look = ["debugfs", "-R", "cat /root/late", f"{bench.disk}?offset={18 * MIB}"]
    bench.play(
        {"raw": "echo late > /root/late"},
        RESET,
        {"command": {"argv": ["flock", "--nonblock", str(bench.disk), "true"]}, **HERE},
        {"command": {"argv": look}, "register": "late", **HERE},
        {"assert": {"that": "late.stdout == 'late'"}},
        HELLO,
    )


def test_an_idle_disk_is_unmounted_and_mounted_again(bench: Bench) -> None:
    bench.variables = {"ansible_disk_image_idle_timeout": 1}
    bench.play(
        {"raw": "echo x > /run/gone-with-the-keeper"},
        {"command": {"argv": ["flock", "--timeout=10", str(bench.disk), "true"]}, **HERE},
        {"raw": "test ! -e /run/gone-with-the-keeper"},
    )


def test_a_long_task_is_not_idle(bench: Bench) -> None:
    bench.variables = {"ansible_disk_image_idle_timeout": 1}
    bench.play({"raw": "touch /run/x; sleep 3; test -e /run/x"})


def test_other_options_for_the_same_disk_are_refused(bench: Bench) -> None:
    output = bench.play(HELLO, {**HELLO, "vars": {"ansible_disk_image_read_only": True}}, rc=4)
    assert "already open with other options (read_only)" in output


def test_a_file_that_others_write_to_is_refused(bench: Bench) -> None:
    with bench.disk.open("r+b"):
        assert f"in use by process {os.getpid()}" in bench.play(HELLO, rc=4)
    device = run("losetup", "--find", "--show", str(bench.disk)).strip()
    try:
        assert f"in use by the loop device {device}" in bench.play(HELLO, rc=4)
    finally:
        run("losetup", "--detach", device)


def test_a_file_that_qemu_uses_is_refused(bench: Bench) -> None:
    daemon = ["qemu-storage-daemon", "--blockdev", f"driver=file,node-name=disk,filename={bench.disk},read-only=off"]
    pidfile = bench.folder / "pid"
    with subprocess.Popen([*daemon, "--pidfile", str(pidfile)]) as process:
        try:
            wait_for(pidfile.exists, "QEMU has opened the disk")
            assert "in use by" in bench.play(HELLO, rc=4)
        finally:
            process.kill()

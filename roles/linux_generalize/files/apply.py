# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a generalize plan: look at what is there, change only that, say what was changed.

Runs on the system itself, with its own Python 3.7 or later and nothing but the standard library: from an
Ansible task, or on its own as a systemd unit when the session that started it is about to disappear.

The argument is the plan, as JSON text or ``@file``::

    {"check": false,              # only say what would change
     "booted": true,              # the system runs; steps with another `booted` are left out
     "keep": ["/tmp/ansible*"],   # never removed
     "record": "/path",           # kept while the plan is under way, gone when it succeeded; optional
     "finally": ["command"],      # run after success; optional
     "steps": [{"topic": "identity", "what": "SSH host keys", "absent": ["/etc/ssh/ssh_host_*"]}, ...]}

The answer is one JSON line: ``{"changed": bool, "changes": ["identity | SSH host keys | ...", ...]}``.
A step that fails ends the run: exit code 1, the answer has ``failed`` with the step and the reason.
"""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROTATED = re.compile(r"(\.\d+|\.old|-\d{8}(-\d+)?|\.(gz|xz|bz2|zst))$")


class StepError(Exception):
    """A step could not be carried out."""


def run(argv: list[str]) -> str:
    """Run a command and return its output; a failing one ends the run with what it said."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise StepError(f"{argv[0]}: {error.strerror}") from error
    text = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode:
        raise StepError(f"{' '.join(argv)} ended with {done.returncode}: {text[-2000:]}")
    return text


def accounts() -> dict[str, list[str]]:
    with open("/etc/passwd", encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\n").split(":") for line in file if not line.startswith("#")]
    return {fields[0]: fields for fields in lines if len(fields) >= 7}


def mounted() -> set[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return {line.split()[4] for line in file}


def end_processes(uid: int) -> None:
    """Kill what a user still runs: their account cannot be removed before."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                os.kill(int(pid), signal.SIGKILL)


class Plan:
    """The steps of one run and what they changed."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.check = bool(document.get("check"))
        self.booted = bool(document.get("booted"))
        self.steps = [step for step in document["steps"] if step.get("booted", self.booted) == self.booted]
        self.keep: list[str] = document.get("keep", [])
        self.record: str | None = document.get("record")
        self.last: list[str] | None = document.get("finally")
        self.changes: list[str] = []
        self.mounts = mounted()
        self.actions: dict[str, Callable[[Any], Iterator[str]]] = {
            "run": self.do_run,
            "absent": self.do_absent,
            "home_absent": self.do_home_absent,
            "logs": self.do_logs,
            "content": self.do_content,
            "link": self.do_link,
            "lines_absent": self.do_lines_absent,
            "users_absent": self.do_users_absent,
            "passwords_locked": self.do_passwords_locked,
        }

    def execute(self) -> dict[str, Any]:
        for step in self.steps:
            title = f"{step['topic']} | {step['what']}"
            self.remember(title)
            try:
                for name in self.actions.keys() & step.keys():
                    for change in self.actions[name](step[name]):
                        self.changes.append(f"{title} | {change}")
            except (StepError, OSError) as error:
                self.remember(title, str(error))
                return {**self.answer(), "failed": f"{title}: {error}"}
        self.forget()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        return {"changed": bool(self.changes), "changes": self.changes}

    def remember(self, title: str, error: str | None = None) -> None:
        """Note the step that is under way, so that a run that was cut short can be told from none at all."""
        if self.record and not self.check:
            os.makedirs(os.path.dirname(self.record), mode=0o700, exist_ok=True)
            with open(self.record, "w", encoding="utf-8") as file:
                json.dump({"step": title, "error": error}, file)

    def forget(self) -> None:
        if self.record and not self.check:
            shutil.rmtree(os.path.dirname(self.record), ignore_errors=True)

    # What is there

    def kept(self, path: str) -> bool:
        inside = any(mount == path or mount.startswith(path + "/") for mount in self.mounts)
        return inside or any(fnmatch.fnmatch(path, pattern) for pattern in self.keep)

    def matches(self, patterns: list[str]) -> list[str]:
        """Existing paths; ``*`` at the end also means hidden names."""
        found: set[str] = set()
        for pattern in patterns:
            hidden = [pattern[:-1] + ".[!.]*"] if pattern.endswith("/*") else []
            for each in [pattern, *hidden]:
                found.update(glob.glob(each))
            if os.path.islink(pattern):
                found.add(pattern)
        return sorted(path for path in found if not self.kept(path))

    # Actions: each yields what it changed, or would change

    def do_run(self, wanted: dict[str, Any]) -> Iterator[str]:
        """Run ``argv`` if one of ``if_any`` exists; without ``if_any`` always, which does not count as a change."""
        argv = wanted["argv"]
        evidence = self.matches(wanted.get("if_any", []))
        if "if_any" in wanted and not evidence:
            return
        if not self.check:
            try:
                run(argv)
            except StepError:
                if not wanted.get("may_fail"):
                    raise
        if evidence:
            yield f"ran {' '.join(argv)} because of {', '.join(evidence[:3])}"

    def do_absent(self, patterns: list[str]) -> Iterator[str]:
        for pattern in patterns:
            paths = self.matches([pattern])
            for path in [] if self.check else paths:
                self.remove(path)
            if paths:
                yield f"removed {paths[0]}" if len(paths) == 1 else f"removed {len(paths)} of {pattern}"

    def remove(self, path: str) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def do_home_absent(self, names: list[str]) -> Iterator[str]:
        """Remove names below the home directory of every account that has one."""
        homes = sorted({fields[5] for fields in accounts().values() if fields[5] not in ("", "/")})
        patterns = [os.path.join(glob.escape(home), name) for home in homes if os.path.isdir(home) for name in names]
        yield from self.do_absent(patterns)

    def do_logs(self, roots: list[str]) -> Iterator[str]:
        """Remove rotated files, empty the others; directories and their owners stay, services need them."""
        for root in roots:
            for folder, _folders, files in os.walk(root):
                for path in sorted(os.path.join(folder, name) for name in files):
                    yield from self.clean_log(path)

    def clean_log(self, path: str) -> Iterator[str]:
        found = os.lstat(path)
        if self.kept(path) or not stat.S_ISREG(found.st_mode):
            return
        if ROTATED.search(os.path.basename(path)):
            if not self.check:
                os.unlink(path)
            yield f"removed {path}"
        elif found.st_size:
            if not self.check:
                os.truncate(path, 0)
            yield f"emptied {path}"

    def do_content(self, wanted: dict[str, Any]) -> Iterator[str]:
        """Give a file this text; ``only_if_exists`` leaves a missing one alone."""
        path = wanted["path"]
        exists = os.path.isfile(path)
        if self.kept(path) or (not exists and wanted.get("only_if_exists")):
            return
        if exists and not os.path.islink(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                if file.read() == wanted["text"]:
                    return
        if not self.check:
            if os.path.islink(path):
                os.unlink(path)
            with open(path, "w", encoding="utf-8") as file:
                file.write(wanted["text"])
            os.chmod(path, int(wanted.get("mode", "0644"), 8))
        yield f"rewrote {path}"

    def do_link(self, wanted: dict[str, Any]) -> Iterator[str]:
        """Make a symbolic link; ``only_if_exists`` leaves a missing one alone, an empty ``link`` means no action."""
        if not wanted or (wanted.get("only_if_exists") and not os.path.lexists(wanted["path"])):
            return
        path, target = wanted["path"], wanted["target"]
        if self.kept(path) or (os.path.islink(path) and os.readlink(path) == target):
            return
        if not self.check:
            if os.path.lexists(path):
                os.unlink(path)
            os.symlink(target, path)
        yield f"linked {path} to {target}"

    def do_lines_absent(self, wanted: dict[str, Any]) -> Iterator[str]:
        """Drop the lines of a file that one of the expressions is found in, and the file if that was all it had."""
        path, expressions = wanted["path"], wanted["expressions"]
        if self.kept(path) or not os.path.isfile(path):
            return
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
        left = [line for line in lines if not any(re.search(each, line) for each in expressions)]
        if left != lines:
            empty = wanted.get("remove_empty") and not any(line.strip() and not line.startswith("#") for line in left)
            if empty and not self.check:
                os.unlink(path)
            elif not self.check:
                with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.writelines(left)
            yield f"removed {len(lines) - len(left)} lines of {path}"

    def do_users_absent(self, names: list[str]) -> Iterator[str]:
        """Remove users with their processes, home, mail, scheduled jobs and sudo rules."""
        for name in sorted(names):
            found = accounts().get(name)
            if found and not self.check:
                if self.booted:
                    end_processes(int(found[2]))
                self.remove_user(name)
            if found:
                yield f"removed user {name}"
            extra = [f"/var/spool/cron/crontabs/{name}", f"/var/spool/cron/{name}", f"/var/lib/systemd/linger/{name}"]
            yield from self.do_absent([*extra, f"/var/lib/AccountsService/users/{name}", f"/var/mail/{name}"])
            rule = {"expressions": [rf"^\s*{re.escape(name)}\s"], "remove_empty": True}
            for path in ["/etc/sudoers", *sorted(glob.glob("/etc/sudoers.d/*"))]:
                yield from self.do_lines_absent({"path": path, **rule})

    def remove_user(self, name: str) -> None:
        argv = ["userdel", "-f", "-r", name]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if name in accounts():
            raise StepError(f"userdel left user {name}: {done.stdout.decode('utf-8', 'replace').strip()}")

    def do_passwords_locked(self, names: list[str]) -> Iterator[str]:
        with open("/etc/shadow", encoding="utf-8") as file:
            passwords = dict(line.split(":")[:2] for line in file if ":" in line)
        for name in names:
            if name in passwords and not passwords[name].startswith(("!", "*")):
                if not self.check:
                    run(["usermod", "--password", "!*", name])
                yield f"locked the password of {name}"


def main() -> int:
    text = sys.argv[1]
    if text.startswith("@"):
        with open(text[1:], encoding="utf-8") as file:
            text = file.read()
    plan = Plan(json.loads(text))
    answer = plan.execute()
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    if "failed" in answer:
        return 1
    if plan.last and not plan.check:
        os.sync()
        run(plan.last)
    return 0


if __name__ == "__main__":
    sys.exit(main())

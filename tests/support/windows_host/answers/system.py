# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_command, win_shell, win_powershell, win_ping, setup, async_status, and the small programs of Windows."""

from __future__ import annotations

import ntpath
import re
import shlex
from typing import Any

from ..programs import PROGRAMS, Output, program
from ..request import UnknownRequestError
from . import SCRIPTS, Asked, ModuleFailedError, Result, module

MARKER = re.compile(r"^\s*#\s*goldenimage\.azure script: ([\w/.-]+)\s*$", re.MULTILINE)


def _words(asked: Asked) -> list[str]:
    if asked["argv"]:
        return [str(word) for word in asked["argv"]]
    line = asked["cmd"] or asked["_raw_params"]
    if not line:
        raise ModuleFailedError("one of the following is required: _raw_params, cmd, argv")
    return [word.strip('"') for word in shlex.split(line, posix=False)]


@module("win_command")
def win_command(asked: Asked) -> Result:
    for name, there in (("creates", True), ("removes", False)):
        if asked[name] and (asked.model.file(asked[name]) is not None) == there:
            return {
                "changed": False,
                "skipped": True,
                "rc": 0,
                "msg": f"skipped, since {asked[name]} {'exists' if there else 'does not exist'}",
            }
    words = _words(asked)
    name = ntpath.basename(words[0]).lower()
    run = PROGRAMS.get(name) or PROGRAMS.get(f"{name}.exe")
    if run is None:
        raise UnknownRequestError(f"win_command starts {words[0]}, which the simulated machine does not have")
    output = run(asked, words[1:])
    result = {
        "changed": True,
        "cmd": " ".join(words),
        "rc": output.code,
        "stdout": output.stdout,
        "stderr": output.stderr,
    }
    result |= {"start": "2026-01-01 00:00:00.000000", "end": "2026-01-01 00:00:00.100000", "delta": "0:00:00.100000"}
    if output.code:
        raise ModuleFailedError("non-zero return code", **result)
    return result


def _run(asked: Asked, text: str) -> Result:
    match = MARKER.search(text)
    if match is None or match[1] not in SCRIPTS:
        raise UnknownRequestError(f"a script that the simulated machine does not know: {text[:200]!r}")
    return SCRIPTS[match[1]](asked)


def _declared(text: str) -> set[str]:
    """The parameters that a script's own param block names, in lower case."""
    block, depth = text.partition("param (")[2], 1
    for at, letter in enumerate(block):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return {name.lower() for name in re.findall(r"\$(\w+)", block[:at])}
    return set()


@module("win_powershell")
def win_powershell(asked: Asked) -> Result:
    text = asked["script"] or ""
    empty = {
        "host_out": "",
        "host_err": "",
        "output": [],
        "error": [],
        "warning": [],
        "verbose": [],
        "debug": [],
        "information": [],
    }
    declared = _declared(text)
    given = {
        **(asked["parameters"] or {}),
        **{one["name"]: one["value"] for one in asked["sensitive_parameters"] or []},
    }
    strangers = [name for name in given if name.lower() not in declared]
    if strangers:
        raise ModuleFailedError(f"A parameter cannot be found that matches parameter name '{strangers[0]}'.")
    if asked.check_mode:
        # A script without ShouldProcess is not run; the others run with -WhatIf, and do and report nothing.
        skipped = {} if "supportsshouldprocess" in text.lower() else {"msg": "skipped, running in check mode"}
        return {**empty, "changed": True, "result": {}, **skipped}
    try:
        answer = _run(Asked(given, asked.model, asked.now, asked.check_mode, asked.user), text)
    except ModuleFailedError as failure:
        # What a script throws is in its list of errors; there is no msg.
        record = {"output": f"{failure}\r\nAt line:1 char:1", "exception": {"message": str(failure)}}
        return {**empty, "changed": False, "failed": True, "error": [record], "result": {}}
    return {**empty, "changed": answer.pop("changed", True), "result": answer}


@module("win_shell")
def win_shell(asked: Asked) -> Result:
    answer = _run(asked, asked["_raw_params"] or asked["cmd"] or "")
    return {"changed": True, "rc": 0, "stderr": "", "stdout": str(answer.get("stdout", ""))}


@module("win_ping")
def win_ping(asked: Asked) -> Result:
    return {"changed": False, "ping": asked["data"] or "pong"}


@module("setup")
def setup(asked: Asked) -> Result:
    model = asked.model
    facts: dict[str, Any] = {
        "ansible_os_family": "Windows",
        "ansible_system": "Win32NT",
        "ansible_distribution": model["caption"],
        "ansible_distribution_version": f"10.0.{model['build']}.0",
        "ansible_distribution_major_version": "10",
        "ansible_hostname": model["computer"],
        "ansible_user_id": asked.user,
        "ansible_architecture": "64-bit",
        "ansible_windows_domain_member": model["domain"] is not None,
        "ansible_env": {"SystemRoot": r"C:\Windows", "TEMP": r"C:\Users\Administrator\AppData\Local\Temp"},
    }
    return {"changed": False, "ansible_facts": facts}


@module("async_status")
def async_status(asked: Asked) -> Result:
    jobs, number = asked.model["jobs"], asked["jid"]
    if number not in jobs:
        raise ModuleFailedError(
            f"could not find job at 'C:\\Users\\Administrator\\.ansible_async\\{number}'",
            ansible_job_id=number,
            started=True,
            finished=True,
        )
    if asked["mode"] == "cleanup":
        del jobs[number]
        return {"changed": False, "erased": number}
    job = jobs[number]
    if asked.now < job["finished_at"]:
        return {"changed": False, "ansible_job_id": number, "started": True, "finished": False}
    return {**job["result"], "ansible_job_id": number, "started": True, "finished": True}


@program("hostname.exe")
def hostname(asked: Asked, words: list[str]) -> Output:
    return Output(0, f"{asked.model['computer']}\r\n")


@program("whoami.exe")
def whoami(asked: Asked, words: list[str]) -> Output:
    return Output(0, f"{asked.model['computer']}\\{asked.user}\r\n".lower())


@program("fsutil.exe")
def fsutil(asked: Asked, words: list[str]) -> Output:
    if [word.lower() for word in words] == ["dirty", "set", "c:"]:
        asked.model["health"]["check_at_start"] = True
        return Output(0, "Volume - C: is now marked dirty\r\n")
    return Output(1, "", "Error:  The parameter is incorrect.\r\n")


@program("winmgmt.exe")
def winmgmt(asked: Asked, words: list[str]) -> Output:
    if [word.lower() for word in words] != ["/verifyrepository"]:
        return Output(1, "", "Invalid parameter\r\n")
    good = asked.model["health"]["wmi"]
    return Output(0 if good else 1, f"WMI repository is {'consistent' if good else 'inconsistent'}\r\n")

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine at the other end: it takes a request, lets time and planned faults have their effect, and answers.

A fault is ``{"module": …, "match": …, "nth": …, "do": …}``; ``module`` is a module's or a core script's name, or ``*`` for any
module, ``match`` a text that the arguments must have (optional), ``nth`` which of these requests (1: the first). ``do`` is one of

* ``drop_before``: the connection is lost, nothing was done;
* ``drop_after``: it was done, but the answer is lost;
* ``time_out``: as drop_after, after the connection's time-out;
* ``hang``: it was done, and no answer comes for ``seconds``;
* ``fail``: the module fails with ``message``, nothing was done; ``fail_after``: it does so although it was done;
* ``ignore``: the module says that all is well, and nothing was done;
* ``restart``: the machine restarts after the answer;
* ``unreachable``: the connection is lost, and refused for ``seconds``.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import time
from typing import TYPE_CHECKING, Any

from . import answers, arguments, sysprep
from .request import CommandLine, CoreScript, ModuleCall, Request, UnknownRequestError, parse
from .state import TEMP, Model, file_path, note, opened

if TYPE_CHECKING:
    from pathlib import Path

LOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
PENDING_KEYS = (
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
)
SESSION_MANAGER = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
REMOVE = re.compile(r"Remove-Item '([^']+)' -Force( -Recurse)?;")
SECRET = re.compile(r"password|secret|token", re.IGNORECASE)
Answer = tuple[int, bytes, bytes]


class ConnectionLostError(Exception):
    """The connection is refused, is lost or timed out; the connection plugin makes Ansible's exception of it."""


class Host:
    """One simulated machine.

    :param path: its state.
    :param user: whom the connection logs in as.
    :param password: and with what; only compared where the state has a ``password``.
    """

    def __init__(self, path: Path, user: str = "Administrator", password: str | None = None) -> None:
        self.path, self.user, self.password = path, user, password
        answers.load()

    def connect(self) -> None:
        """Let time pass, and refuse when the machine is not there.

        :raises ConnectionLostError: it is off, restarting, or Sysprep took the listener away.
        """
        with opened(self.path) as model:
            self._pass_time(model)

    def execute(self, command: str, given: bytes | None) -> Answer:
        """Answer one request.

        :raises ConnectionLostError: no answer came.
        :raises UnknownRequestError: the machine does not know what was asked.
        """
        request = parse(command, given)
        with opened(self.path) as model:
            self._pass_time(model)
            fault = self._fault(model, request)
            if fault and fault["do"] in ("drop_before", "unreachable"):
                model["down_until"] = time.time() + fault.get("seconds", 0)
                raise ConnectionLostError("the connection was lost before the request arrived")
            answer = self._answer(model, request, fault)
            if fault and fault["do"] == "restart":
                self._restart(model)
            if fault and fault["do"] in ("drop_after", "time_out"):
                raise ConnectionLostError(
                    "the answer was lost" if fault["do"] == "drop_after" else "the operation timed out"
                )
        if fault and fault["do"] == "hang":
            time.sleep(fault["seconds"])
            raise ConnectionLostError("the operation timed out")
        return answer

    def put(self, path: str, content: bytes) -> None:
        """Store a file that the connection brings."""
        with opened(self.path) as model:
            self._pass_time(model)
            model.write_file(path, base64.b64encode(content).decode())
        note(self.path, {"request": "put_file", "path": path, "bytes": len(content)})

    def fetch(self, path: str) -> bytes:
        """:raises FileNotFoundError: there is no such file."""
        with opened(self.path) as model:
            self._pass_time(model)
            entry = model.file(path)
            if entry is None or entry["kind"] != "file":
                raise FileNotFoundError(path)
            return base64.b64decode(entry.get("content", ""))

    def _pass_time(self, model: Model) -> None:
        now = time.time()
        if now < model["down_until"]:
            raise ConnectionLostError("connection refused")
        if model["starting"]:
            self._started(model)
        sysprep.tick(model, now)
        if model["power_state"] != "on":
            raise ConnectionLostError(f"connection refused (the machine is {model['power_state']})")
        if sysprep.lost(model, now):
            raise ConnectionLostError("connection refused (Sysprep took the listener away)")
        if model.get("password", self.password) != self.password:
            raise ConnectionLostError("ntlm: the specified credentials were rejected by the server")

    def _fault(self, model: Model, request: Request) -> dict[str, Any] | None:
        name = getattr(request, "name", "command")
        text = json.dumps(getattr(request, "arguments", None) or getattr(request, "text", None) or {})
        due = None
        for fault in model["faults"]:
            if fault["module"] != name and not (fault["module"] == "*" and isinstance(request, ModuleCall)):
                continue
            if fault.get("match", "") not in text:
                continue
            fault["seen"] = fault.get("seen", 0) + 1
            if fault["seen"] == fault.get("nth", 1):
                due = due or dict(fault)
        return due

    def _answer(self, model: Model, request: Request, fault: dict[str, Any] | None) -> Answer:
        if isinstance(request, CommandLine):
            return self._command(model, request.text)
        if isinstance(request, CoreScript):
            return self._core_script(model, request)
        result = self._module(model, request, fault)
        shown = {key: "(hidden)" if SECRET.search(key) else value for key, value in request.arguments.items()}
        entry = {
            "request": request.name,
            "arguments": shown,
            "check_mode": request.check_mode,
            "user": request.become_user or self.user,
        }
        note(self.path, {**entry, "changed": result.get("changed"), "failed": result.get("failed", False)})
        return int(bool(result.get("failed"))), json.dumps(result).encode(), b""

    def _module(self, model: Model, call: ModuleCall, fault: dict[str, Any] | None) -> dict[str, Any]:
        if call.name not in answers.ANSWERS:
            raise UnknownRequestError(f"the module {call.name}")
        if call.check_mode and not call.supports_check_mode:
            return {
                "changed": False,
                "skipped": True,
                "msg": f"remote module ({call.name}) does not support check mode",
            }
        if fault and fault["do"] == "fail":
            return {"changed": False, "failed": True, "msg": fault.get("message", "Access is denied")}
        params, wrong = arguments.checked(call.name, call.arguments)
        if wrong:
            return {"changed": False, "failed": True, "msg": wrong}
        # In check mode, or when the module only says that it did it, the changes go to a copy.
        unreal = call.check_mode or bool(fault and fault["do"] == "ignore")
        target = Model(copy.deepcopy(dict(model))) if unreal and call.name != "win_updates" else model
        user = call.become_user or self.user
        try:
            result = answers.ANSWERS[call.name](answers.Asked(params, target, time.time(), call.check_mode, user))
        except answers.ModuleFailedError as failure:
            return {"changed": False, "failed": True, "msg": str(failure), **failure.more}
        if fault and fault["do"] == "fail_after":
            return {"changed": False, "failed": True, "msg": fault["message"]}
        if call.diff_mode is False:
            result.pop("diff", None)
        result["invocation"] = {"module_args": call.arguments}
        return self._job(model, call.job, result) if call.job else result

    def _job(self, model: Model, job: str, result: dict[str, Any]) -> dict[str, Any]:
        """Keep the result of an asynchronous run for async_status."""
        number = f"{job}.1234"
        model["jobs"][number] = {"result": result, "finished_at": time.time() + model["job_seconds"]}
        return {
            "started": True,
            "finished": False,
            "ansible_job_id": number,
            "results_file": f"C:\\Users\\Administrator\\.ansible_async\\{number}",
            "_ansible_suppress_tmpdir_delete": True,
        }

    def _core_script(self, model: Model, script: CoreScript) -> Answer:
        if script.name == "powershell_mkdtemp.ps1":
            folder = file_path(script.parameters["Directory"])
            path = f"{TEMP if folder.startswith('%') else folder}\\{script.parameters['Name']}"
            model.write_file(path, kind="directory")
            return 0, path.encode(), b""
        if script.name == "powershell_expand_user.ps1":
            return 0, script.parameters["Path"].replace("~", r"C:\Users\Administrator").encode(), b""
        raise UnknownRequestError(f"ansible-core's script {script.name}")

    def _command(self, model: Model, text: str) -> Answer:
        """What win_reboot and the removal of temporary folders send."""
        if "LastBootUpTime" in text:
            return 0, str(model["boot"]["time"]).encode(), b""
        if re.search(r"shutdown\.exe /r /t \d+", text):
            model.remove_key(LOGON + r"\AutoLogonChecked")
            self._restart(model)
            note(self.path, {"request": "restart"})
            return 0, json.dumps({"stdout": "", "stderr": "", "rc": 0}).encode(), b""
        if "AutoLogonChecked" in text:
            there = model.values(LOGON + r"\AutoLogonChecked") is not None
            expected = re.search(r"'(success-[0-9a-f-]+)'", text)
            return (0, expected[1].encode(), b"") if there and expected else (1, b"", b"Cannot find path")
        if removed := REMOVE.search(text):
            model.remove_file(removed[1])
            return 0, b"", b""
        raise UnknownRequestError(f"the command {text[:300]!r}")

    def _restart(self, model: Model) -> None:
        model["starting"] = True
        model["down_until"] = time.time() + model["boot"]["seconds"]

    def _started(self, model: Model) -> None:
        """What a start changes: nothing is pending any more."""
        model["starting"] = False
        model["boot"]["number"] += 1
        model["boot"]["time"] += 10_000_000
        model["restart_pending"] = False
        for key in PENDING_KEYS:
            model.remove_key(key)
        model.remove_value(SESSION_MANAGER, "PendingFileRenameOperations")
        model["registry"][LOGON + r"\AutoLogonChecked"] = {}
        if model["health"].pop("check_at_start", False):
            model["health"]["volume"] = "NoErrorsFound"

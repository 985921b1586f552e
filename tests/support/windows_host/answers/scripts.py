# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts that start things: Sysprep, detached from the session that asked for it.

A role that starts Sysprep declares the marker below and passes ``Arguments`` (what follows sysprep.exe), ``Method``
(``task`` for a scheduled task, ``process`` for Win32_Process.Create), ``User`` and ``Password``. What happens then is
`..sysprep`'s. ``model["accounts"]``, where it is there, has the local administrators with their passwords.
"""

from __future__ import annotations

from .. import sysprep
from . import Asked, ModuleFailedError, Result, script


@script("windows_generalize/start")
def start(asked: Asked) -> Result:
    method, user = asked["Method"] or "task", asked["User"] or asked.user
    if method not in ("task", "process"):
        raise ModuleFailedError(
            f"Cannot validate argument on parameter 'Method'. The argument \"{method}\" does not belong to the set."
        )
    if user.upper().rpartition("\\")[2] == "SYSTEM":
        raise ModuleFailedError("Sysprep must not run as Local System")
    accounts = asked.model.get("accounts", {})
    if accounts and asked["User"] and user not in accounts:
        raise ModuleFailedError(rf"{user} is not a member of the local group BUILTIN\Administrators")
    if accounts and asked["Password"] and asked["Password"] != accounts[user]:
        raise ModuleFailedError("The user name or password is incorrect. (0x8007052E)")
    if method == "task":
        asked.model["tasks"]["goldenimage-sysprep"] = {
            "user": user,
            "arguments": asked["Arguments"],
            "state": "Running",
        }
    sysprep.start(asked.model, asked.now, asked["Arguments"] or "", user)
    return {"changed": True, "process_id": 4242, "method": method}

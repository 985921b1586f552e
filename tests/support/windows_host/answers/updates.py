# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""win_updates, which its action plugin calls three times: start, poll, cancel."""

from __future__ import annotations

from typing import Any

from . import Asked, Result, module

OK, FAILED = 2, 4
"""WUA's OperationResultCode: orcSucceeded, orcFailed."""


def _install(asked: Asked) -> list[dict[str, Any]]:
    """The progress of one round: search, download, install, exit."""
    model, options = asked.model, asked.params
    open_ones = [one for one in model["updates"] if not one["installed"]]
    wanted = options["category_names"] or []
    chosen = [one for one in open_ones if "*" in wanted or set(one["categories"]) & set(wanted)]
    updates = [
        {"id": one["id"], "title": one["title"], "kb": one["kb"], "categories": one["categories"]} for one in open_ones
    ]
    filtered = [{"id": one["id"], "reasons": ["category_names"]} for one in open_ones if one not in chosen]
    output: list[dict[str, Any]] = [{"task": "search_result", "result": {"updates": updates, "filtered": filtered}}]
    changed = bool(chosen) and options["state"] != "searched"
    restart = model["restart_pending"]
    if changed and not asked.check_mode:
        results = [
            {
                "id": one["id"],
                "result_code": FAILED if one.get("fails") else OK,
                "hresult": -2145124329 if one.get("fails") else 0,
            }
            for one in chosen
        ]
        for one in chosen:
            one["installed"] = not one.get("fails")
            restart = restart or (one["restart"] and not one.get("fails"))
        model["restart_pending"] = restart
        tasks = ("download_result", "install_result")
        output += [{"task": task, "result": {"info": [dict(one) for one in results]}} for task in tasks]
    output.append({"task": "exit", "result": {"changed": changed, "reboot_required": restart, "failed": False}})
    return output


@module("win_updates")
def win_updates(asked: Asked) -> Result:
    operation, rounds = asked["_operation"] or "start", asked.model["update_rounds"]
    if operation == "start":
        name = f"update-{asked.model['counters'].get('updates', 0)}"
        asked.model["counters"]["updates"] = asked.model["counters"].get("updates", 0) + 1
        rounds[name] = _install(asked)
        return {"changed": False, "cancel_options": {"pipe_name": name}, "poll_options": {"pipe_name": name}}
    name = asked["_operation_options"]["pipe_name"]
    if operation == "poll":
        return {"changed": False, "output": rounds.get(name, [])}
    rounds.pop(name, None)
    return {"changed": False}

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subcommands that show or change what the control API calls settings: each makes a JSON body of its arguments."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def add_commands(add: Callable[[str, object, str], argparse.ArgumentParser], call: object) -> None:
    """Add the subcommands; ``call`` carries them out."""
    latency = add("latency", call, "show or set how long operations take")
    latency.add_argument("name", nargs="?", choices=("instant", "fast", "realistic"))
    latency.add_argument("--factor", type=float, help="multiplies realistic times")
    latency.set_defaults(setting="latency", change="PUT", body_of=lambda given: _named(given, "name"))

    throttling = add("throttling", call, "show or set whether Azure's limits are enforced")
    throttling.add_argument("mode", nargs="?", choices=("off", "documented"))
    throttling.add_argument("--factor", type=float, help="multiplies limits and refill")
    throttling.set_defaults(setting="throttling", change="PUT", body_of=lambda given: _named(given, "mode"))

    clock = add("clock", call, "show or move the clock")
    action = clock.add_mutually_exclusive_group()
    action.add_argument("--advance", type=float, metavar="SECONDS")
    action.add_argument("--freeze", nargs="?", const="", metavar="TIME", help="ISO 8601; absent: now")
    action.add_argument("--run", action="store_true", help="let a frozen clock run on")
    action.add_argument(
        "--script", type=_document, metavar="FILE", help="a list of steps as JSON; - reads it from input"
    )
    clock.set_defaults(setting="clock", change="POST", body_of=_clock)

    for name, change, text in (
        ("faults", "PUT", "show the plan of faults, or set it from a JSON file ('off' ends it)"),
        ("seed", "POST", "make many resources from a JSON file"),
    ):
        command = add(name, call, text)
        optional = name == "faults"
        command.add_argument(
            "document", nargs="?" if optional else None, type=_document, metavar="FILE", help="- reads it from input"
        )
        command.set_defaults(setting=name, change=change, body_of=lambda given: given.document)
    add("dump", call, "show all state as JSON, without secrets").set_defaults(
        setting="dump", body_of=lambda _given: None
    )


def _named(given: argparse.Namespace, name: str) -> dict[str, Any] | None:
    body = {name: getattr(given, name), "factor": given.factor}
    found = {key: value for key, value in body.items() if value is not None}
    return found or None


def _clock(given: argparse.Namespace) -> dict[str, Any] | None:
    if given.advance is not None:
        return {"advance": given.advance}
    if given.freeze is not None:
        return {"freeze": given.freeze or None}
    if given.script is not None:
        return {"script": given.script}
    return {"run": True} if given.run else None


def _document(text: str) -> Any:
    if text == "off":
        return {}
    try:
        return json.loads(sys.stdin.read() if text == "-" else Path(text).read_text())
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not JSON: {error}") from None

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of Sysprep over a disk: those whose facts a disk has, as checks. The rules themselves are in ``_sysprep``.

A disk is not a running machine. Which services run, the Appx packages of users, BitLocker's progress, the licence and the
roles are not to be seen; a disk that Sysprep has generalized has passed the rules about them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
    AZURE,
    GENERALIZE,
    Book,
    Check,
    Outcome,
    failed,
    none_of,
    not_applicable,
    passed,
    unknown,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import (
    ABSENT,
    SCHEMA,
    Facts,
    Unknown,
    read_facts,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import RULES
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    ALWAYS,
    BEFORE,
    NEVER,
    OVERVIEW,
    Rule,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules_state import GENERALIZED
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.shape import IMAGE_STATE, SHAPE

_ARCHITECTURES = {"x86_64": "AMD64", "aarch64": "ARM64", "i386": "x86"}
_DOMAIN_CONTROLLER, _MEMBER_SERVER, _SERVER, _MEMBER_CLIENT, _CLIENT = 5, 3, 2, 1, 0
BOOK: Book[dict[str, Any]] = Book()


def facts_of(found: dict[str, Any]) -> Facts:
    """Return what ``windows.collect`` found as the facts of the rules.

    There a value of a hive that is not there and one that cannot be read are both ``None``. The problems tell them apart:
    while there is one about a hive, nothing of that hive is taken to be absent.
    """
    system, software = (_Nothing(name, found["problems"]) for name in ("SYSTEM", "SOFTWARE"))
    setup, pending, leftovers = found["sysprep"], found["pending_reboot"], found["leftovers"]
    name = found["computer_name"]
    document = {
        "schema": SCHEMA,
        "os": {
            **found["os"],
            "architecture": _ARCHITECTURES.get(found["os"]["architecture"], found["os"]["architecture"]),
            "build": int(found["os"]["build"]) if (found["os"]["build"] or "").isdecimal() else None,
            "product_type": found["product_type"],
            "upgraded_from": found["upgraded_from"],
        },
        "setup": {
            "image_state": software.if_none(setup["image_state"]),
            "generalization_state": system.if_none(setup["generalization_state"]),
            "cleanup_state": system.if_none(setup["cleanup_state"]),
            "setup_in_progress": system.if_none(setup["setup_in_progress"]),
            "oobe_in_progress": system.if_none(setup["oobe_in_progress"]),
            "unattend_file": system.if_none(setup["unattend_file"]),
        },
        "sysprep": {"succeeded_tag": setup["succeeded_tag"]},
        "leftovers": {
            "panther": None if leftovers is None else "/Windows/Panther" in leftovers,
            "unattend_files": None if leftovers is None else [path for path in leftovers if path.endswith(".xml")],
        },
        "pending_reboot": {
            **pending,
            "component_servicing": pending["component_markers"],
            "file_renames": {True: ["PendingFileRenameOperations has entries"], False: []}.get(pending["file_renames"]),
            "computer_name": name,
            # Windows keeps this key in memory only: on most disks it is not there, and then nothing has changed.
            "active_computer_name": found["active_computer_name"] or system.known(name),
        },
        "membership": {"domain_role": _domain_role(found), "domain": found["domain"] or "not named"},
        "cdrom": {"start": system.if_none(found["cdrom_start"]), "denied_by": found["cdrom_denied_by"]},
        "disks": {"san_policy": system.if_none(found["san_policy"])},
        "services": {"installed": _services(found["services"])},
    }
    return read_facts(document, SHAPE)


class _Nothing:
    """What it means that nothing was found in a hive."""

    def __init__(self, hive: str, problems: list[str]) -> None:
        self._readable = not any(hive in text for text in problems)

    def if_none(self, value: Any) -> Any:
        return ABSENT if value in (None, "") and self._readable else value

    def known(self, value: Any) -> Any:
        return value if self._readable else None


def _services(found: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    return (
        None
        if found is None
        else [{**each, "start": ABSENT if each["start"] is None else each["start"]} for each in found]
    )


def _domain_role(found: dict[str, Any]) -> int | None:
    """What Win32_ComputerSystem would say."""
    product, joined = (found["product_type"] or "").lower(), found["domain_joined"]
    if product == "lanmannt":
        return _DOMAIN_CONTROLLER
    if joined is None or product not in ("winnt", "servernt"):
        return None
    server = product == "servernt"
    return (_MEMBER_SERVER if server else _MEMBER_CLIENT) if joined else (_SERVER if server else _CLIENT)


@BOOK.check(
    "sysprep.generalized", "Sysprep has generalized the system", about=GENERALIZE,
    remedy="Start the machine, run Sysprep (generalize, OOBE) and let it shut down.", source=OVERVIEW,
)  # fmt: skip
def _generalized(found: dict[str, Any]) -> Outcome:
    if found["hives_dirty"]:
        return unknown(f"{', '.join(found['hives_dirty'])} was not written to its end")
    state = found["sysprep"]["image_state"]
    if not state:
        return unknown("ImageState is not there")
    evidence = (IMAGE_STATE.about, state)
    return passed(evidence) if state == GENERALIZED else failed(evidence)


def _look(rule: Rule, found: dict[str, Any]) -> Outcome:
    if rule.offline == BEFORE and found["generalized"]:
        return not_applicable("Sysprep has generalized the system.")
    try:
        return none_of(rule.look(facts_of(found)))
    except Unknown as reason:
        return unknown(reason.reason, reason.what)


BOOK.checks += [
    Check(
        rule.id,
        rule.title,
        rule.severity,
        AZURE if rule.offline == ALWAYS else GENERALIZE,
        rule.remedy,
        rule.source,
        partial(_look, rule),
    )
    for rule in RULES
    if rule.offline != NEVER
]

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about Windows' own record of Setup and Sysprep, pending restarts and what earlier runs left."""

from __future__ import annotations

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Facts, Unknown
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    ALWAYS,
    BEFORE,
    FATAL,
    GENERAL,
    GENERALIZE,
    IMAGE,
    INFO,
    OVERVIEW,
    PREP,
    WARNING,
    Evidence,
    Rules,
    against,
)

COMPLETE = "IMAGE_STATE_COMPLETE"
UNDEPLOYABLE = "IMAGE_STATE_UNDEPLOYABLE"
GENERALIZED = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
_NOTHING_TO_GENERALIZE = 7
_CLEAN = 2
RULES = Rules()


@RULES.add(
    "state.generalized", "The machine is not generalized already",
    cause="Sysprep has generalized this system and it has not been started as a new machine since.",
    remedy="Do not run Sysprep again: stop the machine, mark it generalized in Azure and capture it.",
    source=OVERVIEW,
)  # fmt: skip
def _generalized(facts: Facts) -> list[Evidence]:
    state = facts[shape.IMAGE_STATE]
    return against(shape.IMAGE_STATE, state) if state == GENERALIZED else []


@RULES.add(
    "state.undeployable", "No Sysprep is under way or has failed half way",
    cause="ImageState is what it is while Sysprep runs and after it failed; a second run works on a half-done system.",
    remedy="Copy the Panther logs and have them diagnosed, then go back to the backup (or build the machine anew), mend the "
    "cause there and try again.",
    source=FATAL, offline=BEFORE,
)  # fmt: skip
def _undeployable(facts: Facts) -> list[Evidence]:
    state = facts[shape.IMAGE_STATE]
    return against(shape.IMAGE_STATE, state) if state == UNDEPLOYABLE else []


@RULES.add(
    "state.complete", "Setup of this Windows is complete",
    cause="Only a system whose ImageState is IMAGE_STATE_COMPLETE was set up to its end and runs normally.",
    remedy="Finish what is under way (audit mode, specialize, OOBE) and start the machine normally, or build it anew.",
    source=OVERVIEW, offline=BEFORE,
)  # fmt: skip
def _complete(facts: Facts) -> list[Evidence]:
    state = facts[shape.IMAGE_STATE]
    return [] if state in (COMPLETE, GENERALIZED, UNDEPLOYABLE) else against(shape.IMAGE_STATE, state or "not there")


@RULES.add(
    "state.sysprep_status", "Sysprep's own record is clean",
    cause="An earlier Sysprep ended half way; the next one stops with 'either the machine is in an invalid state' (0x0f0073).",
    remedy="Go back to the backup or build the machine anew. Setting the values back by hand is not supported.",
    source=FATAL, offline=BEFORE,
)  # fmt: skip
def _status(facts: Facts) -> list[Evidence]:
    generalization, cleanup = facts[shape.GENERALIZATION], facts[shape.CLEANUP]
    found: list[Evidence] = []
    if generalization is not None and generalization != _NOTHING_TO_GENERALIZE:
        found += against(shape.GENERALIZATION, f"{generalization}, clean is {_NOTHING_TO_GENERALIZE}")
    if cleanup is not None and cleanup != _CLEAN:
        found += against(shape.CLEANUP, f"{cleanup}, clean is {_CLEAN}")
    if not found and None in (generalization, cleanup):
        raise Unknown(shape.GENERALIZATION.path, "SysprepStatus is not there, so nothing says that the record is clean")
    return found


@RULES.add(
    "state.setup", "Neither Setup nor OOBE is under way",
    cause="Setup has not ended, so Sysprep would work on an unfinished system.",
    remedy="Let Setup end, log in once, and collect the facts again.",
    source=OVERVIEW, offline=BEFORE,
)  # fmt: skip
def _setup(facts: Facts) -> list[Evidence]:
    asked = (shape.SETUP_IN_PROGRESS, shape.OOBE_IN_PROGRESS)
    return [each for fact in asked if facts[fact] not in (None, 0) for each in against(fact, facts[fact])]


@RULES.add(
    "sysprep.running", "No Sysprep runs now",
    cause="Only one Sysprep may run at a time.",
    remedy="Wait for it to end and look at its result; never start a second one.",
    source=OVERVIEW,
)  # fmt: skip
def _running(facts: Facts) -> list[Evidence]:
    return against(shape.RUNNING, "a process sysprep is there") if facts[shape.RUNNING] else []


@RULES.add(
    "sysprep.executable", "This Windows has its own Sysprep",
    cause="Only the sysprep.exe in System32\\Sysprep of the running system may be used, and it is not there.",
    remedy="Repair the system files (sfc /scannow, DISM /RestoreHealth), or build the machine anew.",
    source=OVERVIEW,
)  # fmt: skip
def _executable(facts: Facts) -> list[Evidence]:
    return [] if facts[shape.EXECUTABLE] else against(shape.EXECUTABLE, "sysprep.exe is not there")


@RULES.add(
    "sysprep.succeeded_tag", "No sign of an earlier success is left", severity=WARNING,
    cause="Whoever waits for Sysprep_succeeded.tag would take the old one for the new one.",
    remedy="Delete System32\\Sysprep\\Sysprep_succeeded.tag.",
    source=OVERVIEW, repair="remove_succeeded_tag", offline=BEFORE,
)  # fmt: skip
def _tag(facts: Facts) -> list[Evidence]:
    return against(shape.SUCCEEDED_TAG, "Sysprep_succeeded.tag is there") if facts[shape.SUCCEEDED_TAG] else []


@RULES.add(
    "sysprep.earlier_errors", "An earlier Sysprep left no errors", severity=INFO,
    cause="setuperr.log has lines of an earlier run. Sysprep empties its logs when it starts.",
    remedy="Copy System32\\Sysprep\\Panther if you want to know what happened then.",
    source=FATAL,
)  # fmt: skip
def _errors(facts: Facts) -> list[Evidence]:
    size = facts[shape.ERROR_LOG]
    return against(shape.ERROR_LOG, f"{size} bytes") if size else []


@RULES.add(
    "leftovers.unattend", "No answer file is left",
    cause="Setup uses a leftover answer file at the first start instead of Azure's: the machine hangs in OOBE or "
    "provisioning fails.",
    remedy="Delete the files. Azure does not support custom answer files; only additional content for a new machine.",
    source=GENERALIZE, repair="remove_unattend", offline=IMAGE,
)  # fmt: skip
def _unattend(facts: Facts) -> list[Evidence]:
    return against(shape.UNATTEND, *facts[shape.UNATTEND])


@RULES.add(
    "leftovers.answer_file", "The registry names no answer file", severity=WARNING,
    cause="Setup looks for an answer file where HKLM\\SYSTEM\\Setup, UnattendFile says, before it looks anywhere else.",
    remedy="Delete the value, unless you know what put it there.",
    source=GENERAL, offline=BEFORE,
)  # fmt: skip
def _answer_file(facts: Facts) -> list[Evidence]:
    found = facts[shape.ANSWER_FILE]
    return against(shape.ANSWER_FILE, found) if found else []


@RULES.add(
    "leftovers.panther", "The folder Panther is gone", severity=WARNING,
    cause="Microsoft's way deletes %windir%\\Panther before Sysprep, with the logs and answer files of the last set-up.",
    remedy="Delete it (rd /s /q %windir%\\Panther).",
    source=GENERALIZE, repair="remove_panther", offline=BEFORE,
)  # fmt: skip
def _panther(facts: Facts) -> list[Evidence]:
    return against(shape.PANTHER, "the folder is there") if facts[shape.PANTHER] else []


@RULES.add(
    "reboot.servicing", "No servicing of Windows waits for a restart",
    cause="Windows' components are half way between two states; Sysprep refuses or leaves an image that does not start.",
    remedy="Finish the updates and restart until nothing is pending.",
    source=PREP, repair="restart", offline=ALWAYS,
)  # fmt: skip
def _servicing(facts: Facts) -> list[Evidence]:
    found = against(shape.SERVICING, *facts[shape.SERVICING])
    return found + (against(shape.PENDING_XML, "WinSxS\\pending.xml is there") if facts[shape.PENDING_XML] else [])


@RULES.add(
    "reboot.windows_update", "Windows Update does not wait for a restart",
    cause="Updates are installed only in part before the restart.",
    remedy="Restart, look for updates again, and repeat until none is left.",
    source=PREP, repair="restart", offline=ALWAYS,
)  # fmt: skip
def _update(facts: Facts) -> list[Evidence]:
    return against(shape.UPDATE, "RebootRequired exists") if facts[shape.UPDATE] else []


@RULES.add(
    "reboot.file_renames", "No file waits to be renamed or deleted at the next start",
    cause="An installer or update could not replace files in use; the renames would happen on every machine from the image.",
    remedy="Restart. If the same entries come back, find the program that writes them, or clear them by name.",
    source=PREP, repair="clear_pending_renames", offline=BEFORE,
)  # fmt: skip
def _renames(facts: Facts) -> list[Evidence]:
    return against(shape.RENAMES, *facts[shape.RENAMES])


@RULES.add(
    "reboot.computer_name", "No new computer name waits for a restart",
    cause="The computer was renamed and has not been restarted.",
    remedy="Restart the machine.", source=GENERAL, repair="restart", offline=BEFORE,
)  # fmt: skip
def _name(facts: Facts) -> list[Evidence]:
    name, active = facts[shape.NAME], facts[shape.ACTIVE_NAME]
    return against(shape.NAME, f"{name}, now {active}") if name.lower() != active.lower() else []


@RULES.add(
    "reboot.domain_join", "No joining or leaving of a domain waits for a restart",
    cause="The membership changes at the next start.",
    remedy="Restart the machine, then see that it is in a workgroup.", source=GENERAL, repair="restart", offline=BEFORE,
)  # fmt: skip
def _joining(facts: Facts) -> list[Evidence]:
    return against(shape.JOINING, "Netlogon has JoinDomain or AvoidSpnSet") if facts[shape.JOINING] else []


@RULES.add(
    "reboot.installers", "No installer runs now", severity=WARNING,
    cause="Something is being installed while Sysprep starts.",
    remedy="Wait until it has ended, and collect the facts again.", source=GENERAL,
)  # fmt: skip
def _installers(facts: Facts) -> list[Evidence]:
    return against(shape.INSTALLERS, *facts[shape.INSTALLERS])


@RULES.add(
    "reserve.in_use", "Reserved storage is not in use",
    cause="Servicing holds the reserved storage, so Sysprep stops with 0x800F0975 (reserved storage is in use).",
    remedy="Finish all updates and restart until nothing is pending.",
    source=GENERAL, repair="restart",
)  # fmt: skip
def _reserve(facts: Facts) -> list[Evidence]:
    scenario = facts[shape.RESERVE]
    return [] if scenario in (None, 0) else against(shape.RESERVE, scenario)

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule about a Windows machine is, and where its demand comes from.

A rule is data with a function that looks at the facts and returns evidence against them: none is a pass. A fact that is not
known makes the function raise ``Unknown``, and so does a question that nobody has answered; neither is ever a pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Fact, Facts

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)
NEVER, BEFORE, IMAGE, ALWAYS = "never", "before", "image", "always"
"""Which disk files are asked too: none, those that Sysprep has not generalized, those for images of many machines, all."""

PREP = "Microsoft: Prepare a Windows VHD or VHDX to upload to Azure"
GENERALIZE = "Microsoft: Generalize a Windows virtual machine before creating an image"
ROLES = "Microsoft: Sysprep Support for Server Roles"
OVERVIEW = "Microsoft: Sysprep (System Preparation) overview"
AS_SYSTEM = "Microsoft: Running Sysprep as Local System on Windows 11 24H2 and Windows Server 2025"
FATAL = "Microsoft: A fatal error occurs while trying to sysprep the machine"
STORE_APPS = "Microsoft: Sysprep fails after you remove or update Microsoft Store apps"
REARM = "Microsoft: An error occurs when running Sysprep generalize"
SQL_SYSPREP = "Microsoft: Considerations for installing SQL Server using SysPrep"
PACKER = "HashiCorp: Packer's Azure builder, Windows"
IMAGE_BUILDER = "Kubernetes image-builder: sysprep.ps1 for Azure"
GENERAL = "goldenimage.azure (general knowledge, not from Microsoft's pages about Sysprep)"

REPAIRS = {
    "restart": "Restart the machine, and look again.",
    "clear_pending_renames": "Delete the value PendingFileRenameOperations, so that those renames never happen.",
    "remove_unattend": "Delete the answer files that were found.",
    "remove_panther": "Copy the folder Panther to the controller, then delete it.",
    "remove_succeeded_tag": "Delete Sysprep_succeeded.tag.",
    "decrypt_volumes": "Switch BitLocker off on every volume and wait until all of it is decrypted.",
    "enable_cdrom": "Set Start of the service cdrom to 1.",
    "set_san_policy": "Set SanPolicy to 1.",
    "remove_user_appx": "Remove the packages that were found from the users who have them.",
    "skip_rearm": "Set SkipRearm to 1, so that Sysprep does not rearm Windows. Never for an image in production.",
    "clear_skip_rearm": "Set SkipRearm to 0.",
    "start_agents": "Set the Azure agents' services to start automatically, and start them.",
    "delete_virtual_switches": "Delete all virtual switches of Hyper-V.",
    "uninitialize_wds": "Run wdsutil /uninitialize-server.",
    "clear_password_change": "Give the built-in Administrator a new password, and let passwords never expire.",
}
"""What a role may be asked to do, by name. Nothing of it is ever done without being asked for."""

Evidence = tuple[str, str]


def against(fact: Fact[Any], *texts: object) -> list[Evidence]:
    """Evidence: what a fact says."""
    return [(fact.path, str(each)) for each in texts]


@dataclass(frozen=True)
class Rule:
    """One demand.

    :param id: stays the same for ever.
    :param title: what is demanded.
    :param severity: ``error`` (Sysprep, or the first start of a machine from the image, fails or is unsupported),
        ``warning`` or ``info``.
    :param cause: why it matters.
    :param repair: one of ``REPAIRS``, or nothing that may be done by a machine.
    """

    id: str
    title: str
    severity: str
    cause: str
    remedy: str
    source: str
    repair: str | None
    offline: str
    look: Callable[[Facts], list[Evidence]] = field(repr=False)


class Rules:
    """The rules of one subject; ``@rules.add(…)`` adds the function below it."""

    def __init__(self) -> None:
        self.all: list[Rule] = []

    def add(
        self,
        name: str,
        title: str,
        *,
        cause: str,
        remedy: str,
        source: str,
        severity: str = ERROR,
        repair: str | None = None,
        offline: str = NEVER,
    ) -> Callable[[Callable[[Facts], list[Evidence]]], Callable[[Facts], list[Evidence]]]:
        """:param name: the rule's ``id``."""

        def add(look: Callable[[Facts], list[Evidence]]) -> Callable[[Facts], list[Evidence]]:
            self.all.append(Rule(name, title, severity, cause, remedy, source, repair, offline, look))
            return look

        return add

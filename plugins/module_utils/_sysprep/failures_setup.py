# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known failures of Sysprep's start, and of a machine's first start from the image (specialize and OOBE)."""

from __future__ import annotations

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import (
    DEPLOY,
    START,
    Failure,
    Sign,
    code,
    message,
    words,
)

_OVERVIEW = "Microsoft, Sysprep overview"
_OPTIONS = "Microsoft, Sysprep command-line options"
_LOGS = "Published logs"

FAILURES = (
    Failure(
        "start.not_administrator", "Sysprep was not run by an administrator",
        "The account lacks the privileges that Sysprep needs, or User Account Control took them away.",
        "Run it as a local administrator with all privileges: from an elevated session, or a scheduled task with highest "
        "privileges.",
        "whoami /priv in the same session shows what the account has.",
        f"{_OVERVIEW}; wording assumed",
        (words("validateprivileges:"), words("validateuser:"), code(0x522, text=("sysprp",))), stage=START,
    ),
    Failure(
        "start.wrong_version", "This sysprep.exe belongs to another Windows",
        "Sysprep only runs on the version of Windows that it was installed with.",
        "Run %windir%\\System32\\Sysprep\\sysprep.exe of the running system, and no copy.",
        "sfc /scannow restores it.",
        f"{_OVERVIEW}; wording assumed", (words("validateversion:"),), stage=START,
    ),
    Failure(
        "start.already_running", "Another Sysprep is running",
        "Only one Sysprep can run at a time; one that failed may wait behind a message that nobody sees.",
        "Look for sysprep.exe (Get-Process sysprep). Wait for its end; if it waits behind a message, save both Panther "
        "folders, end it and diagnose its log.",
        "Start it with /quiet, so that it does not wait for anybody.",
        f"{_OVERVIEW}; wording assumed",
        (words("sysprep", "already running"), words("another instance", "sysprep"), code(0x420, text=("winmain",))), stage=START,
    ),
    Failure(
        "start.mode_vm_on_hardware", "/mode:vm was given on real hardware",
        "/mode:vm is for virtual machines, whose images run on the same kind of hypervisor.",
        "Leave /mode:vm out.", "Run Sysprep inside the virtual machine that the image is made of.",
        f"{_OPTIONS}; wording assumed",
        (words("sysprp", "mode:vm"), words("sysprp", "vm mode"), words("sysprep mode [vm]", "not")), stage=START,
    ),
    Failure(
        "start.command_line", "Sysprep did not understand its command line",
        "An option is wrong, or a path with a space was cut in two; quotes do not help everywhere.",
        "Check the options; copy the answer file to a path without spaces.",
        "The lines 'Found supported command line option' show how far Sysprep came.",
        _LOGS, (words("parsecommands:"), words("parse command-line arguments")), stage=START,
    ),
    Failure(
        "start.dialog_closed", "Sysprep's window was closed",
        "Sysprep was started without options, showed its window, and was cancelled or had no desktop.",
        "Give the options: /generalize /oobe /quiet, and /quit or /shutdown.",
        "See that nothing else starts sysprep.exe (audit mode does at every log-in).",
        _LOGS, (message(0x0F0043), words("dialog box returned false")), stage=START, general=True,
    ),
    Failure(
        "unattend.password", "A password in the answer file cannot be decoded",
        "The password is said to be encoded, and is not in Windows' way (UTF-16, with the element's name behind it, Base64).",
        "Write it with PlainText true, or let Windows System Image Manager encode it. On Azure give no answer file at all.",
        "Setup keeps its copy in C:\\Windows\\Panther\\unattend.xml.",
        _LOGS, (words("failed to decode password", any_level=True),), stage=DEPLOY,
        repair="remove_unattend",
    ),
    Failure(
        "unattend.product_key", "The product key was refused",
        "The key in the answer file is empty, wrong, or for another edition.",
        "Leave the key out, or give the KMS client key of the image's edition.",
        "DISM /Online /Get-CurrentEdition shows the edition.",
        "Published logs; slerror.h",
        (code(0xC004F050), words("productkey", "fail"), words("product key", "fail")), stage=DEPLOY,
    ),
    Failure(
        "unattend.invalid", "The answer file is not valid",
        "Setup refused the whole answer file; where the log tells, because of {setting}. A value may be too long (a command's "
        "path has 259 characters at most), given twice, or unknown to this version.",
        "Correct the answer file and validate it with Windows System Image Manager. On Azure remove it: unattend.xml left in "
        "C:\\Windows\\System32\\Sysprep, C:\\Windows\\Panther or C:\\ is read by every machine made of the image.",
        "Take parts of the file away until it is accepted.",
        _LOGS,
        (code(0x80220005), message(0x060432), words("unattend", "is not valid"), words("parse or process", "unattend"),
         words("smi data results dump: source")), stage=DEPLOY,
        repair="remove_unattend",
    ),
    Failure(
        "unattend.action_failed", "A step of the answer file failed",
        "Setup accepted the answer file, and one of its steps failed: a wrong password, a command with an error, an account.",
        "Look at the lines of the same second for the step, and correct it.",
        "C:\\Windows\\Panther\\UnattendGC\\setupact.log has the steps with warnings that setuperr.log leaves out.",
        _LOGS, (code(0x8030000B), words("unattend action failed"), words("user input error", "unattend")), stage=DEPLOY,
        repair="remove_unattend", general=True,
    ),
    Failure(
        "deploy.domain_join", "The machine could not join its domain",
        "No domain controller was found, or the account or the password for joining is wrong.",
        "See that the network's DNS servers know the domain; on Azure join with an extension after the deployment.",
        "C:\\Windows\\debug\\NetSetup.LOG.",
        _LOGS,
        (code(0x54A, 0x54B, text=("join",)), words("unattended join:", "fail", any_level=True), words("netjoindomain", "fail"),
         Sign(codes=frozenset((0x54A, 0x54B)), text=("djoin",), any_level=True)), stage=DEPLOY,
    ),
    Failure(
        "deploy.provisioning", "Azure gave up waiting for the machine's first start",
        "The image was not generalized, has the wrong generation, an answer file was left in it, the DVD-ROM is disabled "
        "(Windows then waits in OOBE for ever), or the administrator's password must be changed.",
        "Look into the source with sysprep_preflight, or into its disk with vhd_inspect; remove unattend.xml, set Start of the "
        "service cdrom to 1, and generalize a backup of it anew.",
        "The boot diagnostics' screenshot shows where Windows waits; the disk of the failed machine has C:\\Windows\\Panther.",
        "Microsoft, generalize a VM; Azure's messages",
        (words("osprovisioningtimedout", any_level=True), words("osprovisioningclienterror", any_level=True)), stage=DEPLOY,
    ),
    Failure(
        "deploy.online_installation", "Setup did not finish on the new machine",
        "A program that Setup starts failed, and the installation cannot be completed.",
        "Look at the errors before this line; where none is known, at C:\\Windows\\Panther\\setupact.log of the same second.",
        "Start a machine from the image without an answer file and without custom data.",
        _LOGS,
        (words("online installation cannot complete"), words("[windeploy.exe]", "failed, returning exit code"),
         words("[windeploy.exe]", "failed with exit code")), stage=DEPLOY, general=True,
    ),
)  # fmt: skip

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known failures of Sysprep: servicing, the machine's state, and providers that fail."""

from __future__ import annotations

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import (
    HALF_DONE,
    Failure,
    Sign,
    code,
    message,
    words,
)

_RESERVED = "Microsoft, errors when capturing a Windows 11 image by using capture media"
_FATAL = "Microsoft, A fatal error occurred while trying to sysprep the machine"
_LOGS = "Published logs"
_ASSUMED = "Windows' documentation; wording assumed"

FAILURES = (
    Failure(
        "state.half_done", "An earlier Sysprep stopped half way, so this one did not start",
        "Sysprep records how far it is, and refuses to go on from the middle (dwRet = 31). It has no way back.",
        "Restore the backup that was taken before the first attempt, or build the machine again; remove the first attempt's "
        "cause before the next. Setting GeneralizationState and CleanupState by hand is not supported by Microsoft.",
        "Copies of both Panther folders from the first attempt say what failed; Sysprep clears its log at each start.",
        _FATAL, (message(0x0F0073), code(0x1F, text=("runexternaldlls",)), code(0x1F, text=("not running dlls",))),
        stage=HALF_DONE,
    ),
    Failure(
        "servicing.reserved_storage", "An update uses reserved storage",
        "Updates or an upgrade are under way or unfinished, so that Windows' reserved storage has an active scenario.",
        "Install all updates, restart, and repeat until none is offered and none waits for a restart.",
        "DISM /Online /Cleanup-Image /StartComponentCleanup, restart, then DISM /Online /Set-ReservedStorageState "
        "/State:Disabled.",
        _RESERVED,
        (code(0x800F0975), code(0x975), words("reserved storage is in use"), words("audit mode", "active scenario")),
    ),
    Failure(
        "servicing.restart_pending", "Updates wait for a restart",
        "Windows has installed updates that are complete only after a restart.",
        "Restart, look for updates again, and run Sysprep when nothing waits for a restart any more.",
        "Look for Component Based Servicing\\RebootPending and pending.xml; DISM /Online /Get-Packages lists what is pending.",
        _LOGS, (words("updates that require a reboot"), words("require a reboot", "sysprep_clean_validate")),
        repair="restart",
    ),
    Failure(
        "servicing.not_answering", "Sysprep could not ask whether servicing is pending",
        "The Windows Modules Installer (TrustedInstaller) could not be started in time.",
        "Set TrustedInstaller back to start on demand, restart, and wait until the processor is idle.",
        "sfc /scannow; look into C:\\Windows\\Logs\\CBS\\CBS.log at the time of the failure.",
        _LOGS, (words("failed to query pending cbs operations"), code(0x80080005, text=("cbs",)), code(0x80080005, dll="spopk.dll")),
        repair="restart",
    ),
    Failure(
        "servicing.store_damaged", "The component store is damaged",
        "Windows' own files or the records of its components are not what they should be.",
        "DISM /Online /Cleanup-Image /RestoreHealth, sfc /scannow, restart.",
        "Build the machine again from intact installation media.",
        "winerror.h; wording assumed", (code(0x3712, 0x800F0831, text=("sysprp",)), code(0x36B7, text=("spopk",))),
    ),
    Failure(
        "servicing.upgraded", "This Windows was made by an upgrade",
        "Until Windows 10 1607 Sysprep does not generalize a system that was upgraded from another version.",
        "Install Windows anew from media of the wanted version.",
        "There is no supported way to generalize this installation.",
        _ASSUMED, (words("upgraded os"), words("upgraded", "clean install")),
    ),
    Failure(
        "disk.full", "The disk is full",
        "There is not enough space on the system's volume for what Sysprep writes.",
        "Make some gigabytes free (DISM /Online /Cleanup-Image /StartComponentCleanup, temporary files), or enlarge the disk.",
        "Look also at the system partition: it needs some megabytes for the boot configuration.",
        "winerror.h; wording assumed", (code(0x70, 0x27, 0x3CF4, text=("sysprp",)),),
    ),
    Failure(
        "state.image_state", "The machine is not in a state that Sysprep may begin in",
        "Windows is still being set up, has been generalized already, or is in audit mode.",
        "Finish the setup (OOBE) and log in once; ImageState must be IMAGE_STATE_COMPLETE. A machine that has been "
        "generalized needs no second Sysprep: capture it.",
        "Read ImageState below HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State.",
        _ASSUMED,
        (words("image_state_undeployable"), words("image_state_specialize"), words("image_state_generalize"),
         words("winmain", " oobe", "in progress"), words("winmain", "setup is in progress")),
    ),
    Failure(
        "role.domain_controller", "The machine is a domain controller",
        "A domain controller cannot be generalized: its identity is the domain's.",
        "Generalize another machine, and promote the machines that are made of its image.",
        "Demote this one, and restart, when it is not needed as a domain controller.",
        _ASSUMED, (words("domain controller"),),
    ),
    Failure(
        "role.cluster", "The machine is a member of a cluster",
        "A member of a failover cluster cannot be generalized.",
        "Evict the machine from its cluster (Remove-ClusterNode, Clear-ClusterNode), and remove Failover-Clustering.",
        "Generalize a machine that was never in a cluster; make the cluster of the new machines.",
        _ASSUMED, (words("sysprp", "failover cluster"), words("sysprp", "cluster node")),
    ),
    Failure(
        "provider.defender_endpoint", "Microsoft Defender for Endpoint keeps its identity",
        "The machine is onboarded to Defender for Endpoint, whose registry values are protected from everyone.",
        "Offboard the machine with the script from the Defender portal before Sysprep; onboard the new machines.",
        "Turn tamper protection off, and see that nothing onboards the machine again while the image is built.",
        _LOGS, (words("windows advanced threat protection", "dwret"), words("windows-senseclient-service")),
    ),
    Failure(
        "provider.dsc", "Desired State Configuration was applied to the machine",
        "Generalizing a machine that DSC has configured is not supported, and its provider DscCore.dll fails.",
        "Remove the DSC extension and its documents (Remove-DscConfigurationDocument -Stage Current, Pending, Previous), "
        "restart; apply DSC to the new machines.",
        "Where a language pack was added just before: install the newest cumulative update again.",
        "Microsoft, Troubleshooting DSC; published logs", (Sign(dll="dsccore.dll"),),
    ),
    Failure(
        "provider.msdtc", "The Distributed Transaction Coordinator cannot be generalized",
        "MSDTC's installation or its log is damaged, so {dll} failed.",
        "msdtc -uninstall, restart, msdtc -install, restart; then see that the service MSDTC starts.",
        "sfc /scannow.", "Published advice on Sysprep; wording assumed",
        (Sign(dll="msdtcprx.dll"),),
    ),
    Failure(
        "provider.boot_configuration", "The boot configuration cannot be generalized",
        "spbcd.dll could not open or change the store: the system partition is missing, full, or another disk's.",
        "See that bcdedit /enum works and shows one Windows; remove other disks with a system partition; bcdboot C:\\Windows "
        "writes the store anew.",
        "bootrec /rebuildbcd from the recovery environment.",
        _LOGS, (Sign(dll="spbcd.dll"),),
    ),
    Failure(
        "provider.machine_keys", "The machine's keys cannot be replaced",
        "capisp.dll gives a new machine its own keys, and key files are open, protected, or too many.",
        "End or remove what holds files in C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys (security software, agents), see "
        "that Administrators and SYSTEM have full control there, and remove thousands of old keys.",
        "Process Monitor shows which file, and who has it open.",
        _LOGS, (Sign(dll="capisp.dll"),),
    ),
    Failure(
        "provider.media_sharing", "Media sharing has files open",
        "The Windows Media Player network sharing service keeps files of the player or of the rights management open.",
        "Stop and disable the service WMPNetworkSvc, then restart.",
        "Remove the feature Windows Media Player, when the image does not need it.",
        "Published advice on Sysprep; wording assumed", (Sign(dll="drmv2clt.dll"), Sign(dll="spwmp.dll")),
    ),
    Failure(
        "provider.drivers", "Drivers and devices cannot be generalized",
        "sppnp.dll failed: a driver package that is registered is missing or damaged, or a device cannot be removed.",
        "Look into C:\\Windows\\INF\\setupapi.offline.log and setupapi.dev.log; remove the driver named there "
        "(pnputil /delete-driver oemNN.inf /uninstall).",
        "Remove tools of other hypervisors, software firewalls and their filter drivers.",
        "Published logs; wording assumed", (Sign(dll="sppnp.dll"),),
    ),
    Failure(
        "agent.failed", "The Azure agent failed while Sysprep called it",
        "RdAgent or WindowsAzureGuestAgent did not run, or is not whole.",
        "See that both services run, or install the newest VM agent; remove extensions before Sysprep.",
        "C:\\WindowsAzure\\Logs\\WaAppAgent.log at the time of the failure.",
        "Packer's Azure builder; wording assumed",
        (words("sysprp", "windowsazureguestagent"), words("sysprp", "rdagent"), words("sysprp", "\\windowsazure\\")),
        repair="start_agents",
    ),
    Failure(
        "provider.dll_missing", "A provider's DLL cannot be loaded",
        "{dll} is registered as a provider of Sysprep, and is missing, damaged or for another architecture.",
        "Repair or install again what brought {dll}; sfc /scannow for Windows' own. Internet Explorer 10 on Windows 7 "
        "registers iesysprep.dll in the wrong folder: KB 2868126.",
        "The registration is below HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\Sysprep.",
        "Microsoft KB 2868126; winerror.h",
        (words("could not load dll"), message(0x0F0085), Sign(codes=frozenset((0x7E, 0x7F, 0xC1)), dll=".dll")),
        general=True,
    ),
    Failure(
        "provider.access_denied", "A provider was denied access",
        "{dll} {entry_point} {component} may not change a file or a registry key: protected by security software, by "
        "changed permissions, or in use.",
        "Turn off antivirus and tamper protection for the time of Sysprep, run it as a local administrator, and restore the "
        "permissions that the line names.",
        "Process Monitor with the filter 'ACCESS DENIED' shows which file or key.",
        _LOGS, (code(0x5, 0xC0000022, dll=".dll"), code(0x5, text=("actionplatform::",)), code(0x5, text=("in executing action for",))),
        general=True,
    ),
    Failure(
        "provider.file_in_use", "A provider needs a file that another program has open",
        "{dll} {entry_point} {component} could not have a file to itself: a service, an agent or a session keeps it open.",
        "End what has it open: management and monitoring agents, antivirus, backup programs, other sessions; then restart.",
        "Process Monitor with the filter 'SHARING VIOLATION' shows which file, and who has it open.",
        "winerror.h; wording assumed",
        (code(0x20, 0x21, dll=".dll"), code(0x20, 0x21, text=("actionplatform::",)), code(0x20, text=("in executing action for",))),
        general=True,
    ),
    Failure(
        "provider.file_missing", "A provider misses a file or a key",
        "{dll} {entry_point} {component} needs a file, a folder or a registry key that is not there: a component was removed "
        "by hand or by a script, or is damaged.",
        "sfc /scannow and DISM /Online /Cleanup-Image /RestoreHealth; undo what removed the component.",
        "Process Monitor with the filter 'NOT FOUND' shows which file or key.",
        _LOGS, (code(0x2, 0x3, 0xC0000034, dll=".dll"), code(0x2, 0x3, text=("in executing action for",))),
        general=True,
    ),
)  # fmt: skip

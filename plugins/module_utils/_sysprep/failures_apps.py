# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known failures of Sysprep: Appx packages, licensing, BitLocker."""

from __future__ import annotations

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import Failure, Sign, code, words

_APPX = "Microsoft KB 2769827, Sysprep fails after you remove or update Microsoft Store apps"
_WINERROR = "winerror.h; wording assumed"
_REARM = "Microsoft KB 929828, error when you run Sysprep /generalize"
_SPP = "slerror.h; published logs"
_DLL = "appxsysprep.dll"
_APPX_CODES = range(0x3CF0, 0x3D20)  # winerror.h, ERROR_INSTALL_OPEN_PACKAGE_FAILED and those after it

FAILURES = (
    Failure(
        "appx.not_provisioned", "An Appx package is installed for a user, but not provisioned for all users",
        "A Store app was installed, updated or kept for one user only, and Sysprep cannot generalize it.",
        "Remove {packages} for the users that have it, and from those provisioned. In PowerShell, for each full name: "
        "Remove-AppxPackage -AllUsers -Package NAME; Remove-AppxProvisionedPackage -Online -PackageName NAME, if it is there. "
        "Stop the Store's updates first, or it comes back.",
        "Compare Get-AppxPackage -AllUsers with Get-AppxProvisionedPackage -Online; delete profiles of users that nobody needs.",
        _APPX,
        (words("was installed for a user", "not provisioned"),
         code(0x3CF2, text=("remove apps",)), code(0x3CF2, text=("removeallapps",)), code(0x3CF2, dll=_DLL), code(0x3CF2)),
        repair="remove_user_appx",
    ),
    Failure(
        "appx.remove_failed", "An Appx package could not be removed",
        "Sysprep tried to remove a user's Store app, and the removal failed or did not end.",
        "Remove {packages} by hand (Remove-AppxPackage -AllUsers), restart, and look for it with Get-AppxPackage -AllUsers.",
        "Look into the event log Microsoft-Windows-AppXDeploymentServer/Operational at the time of the failure.",
        "Published logs; winerror.h",
        (words("failed waiting for remove operation"), words("failed to remove staged package"),
         code(0x3CFA, 0x3CF7, text=("sysprp",))),
        repair="remove_user_appx",
    ),
    Failure(
        "appx.in_use", "An Appx package is in use",
        "A Store app runs, or its files are open, so that it cannot be removed.",
        "Log off every other user, end the app ({packages}), and do not start it again before Sysprep.",
        "Restart, log in with the account that runs Sysprep only, and wait until the Store's updates have ended.",
        _WINERROR, (code(0x3D02),), repair="remove_user_appx",
    ),
    Failure(
        "appx.updating", "An Appx package is being updated",
        "The Store updates an app while Sysprep looks at it.",
        "Wait until the update has ended, and turn the Store's automatic updates off (policy AutoDownload = 2).",
        "Restart without a network, and run Sysprep before the Store starts again.",
        _WINERROR, (code(0x3D00),),
    ),
    Failure(
        "appx.repository_damaged", "The repository of Appx packages is damaged",
        "Windows' database of Store apps cannot be read or must be repaired.",
        "Run DISM /Online /Cleanup-Image /RestoreHealth and sfc /scannow, restart, and register the package again.",
        "Build the machine again: a damaged repository would be in every machine made of the image.",
        _WINERROR, (code(0x3CFE, 0x3CFC, 0x3CF0, text=("sysprp",)),),
    ),
    Failure(
        "appx.service", "The Appx deployment service does not answer",
        "AppXSvc, StateRepository or the client licence service is disabled, is not running, or broke off.",
        "Set AppXSvc, StateRepository and ClipSVC back to start on demand, and restart. Scripts that 'optimize' images "
        "often disable them.",
        "Start the services by hand and look into the System event log for why they end.",
        "winerror.h; published logs",
        (code(0x6BA, 0x6BE, 0x422, 0x424, 0x426, text=(_DLL,)), code(0x6BA, 0x6BE, 0x422, 0x424, 0x426, text=("apps for the",))),
    ),
    Failure(
        "appx.provider", "Sysprep's provider for Appx packages failed",
        "AppxSysprep.dll failed {entry_point} for a reason that is not one of those known here.",
        "Look at the lines before this one for a package's name; remove that package as for appx.not_provisioned.",
        "Look into the event log Microsoft-Windows-AppXDeploymentServer/Operational at the time of the failure.",
        _APPX, (Sign(dll=_DLL), words("failed to remove apps"), words("removeallapps"), code(*_APPX_CODES, text=("sysprp",))),
        repair="remove_user_appx", general=True,
    ),
    Failure(
        "rearm.exhausted", "The licence cannot be rearmed any more",
        "Windows was rearmed as often as is allowed (three times on Windows 7 and Server 2008 R2, 1,001 times since 8.1 and "
        "Server 2012; evaluation editions far less often).",
        "Make the image anew from installation media or from a backup that was taken before. For building only, SkipRearm=1 "
        "in an answer file's generalize pass leaves the licence alone; it must be gone in the last image, or KMS does not "
        "count its machines.",
        "slmgr /dlv tells the remaining count; evaluation editions: install an edition with a licence.",
        _REARM, (code(0xC004D307),), repair="skip_rearm",
    ),
    Failure(
        "rearm.restart_needed", "The licence was rearmed, and Windows must be restarted",
        "A rearm has been done since the last start of Windows.",
        "Restart, and run Sysprep before anything else rearms the licence (slmgr /rearm).",
        "Look for scheduled tasks and scripts that call slmgr.",
        "slerror.h; wording assumed", (code(0xC004D302),), repair="restart",
    ),
    Failure(
        "rearm.service", "The licensing service was not ready",
        "The service Software Protection (sppsvc) was stopping, is disabled, or did not answer when Sysprep rearmed the licence.",
        "Set sppsvc back to automatic (delayed start), restart, wait some minutes, and try again on a machine made anew or "
        "restored.",
        "Look into the Application event log for Security-SPP.",
        _SPP, (code(0xC004F075), code(0x422, 0x424, 0x426, 0x6BA, 0x6BE, text=("slc.dll",))),
    ),
    Failure(
        "rearm.failed", "The licence could not be rearmed",
        "SLReArmWindows of slc.dll failed for a reason that is not one of those known here.",
        "Run slmgr /dlv, note the remaining count and the error, and repair the licence before Sysprep.",
        "SkipRearm=1 in an answer file's generalize pass leaves the licence alone while the image is being built.",
        _REARM, (words("slrearmwindows"),), general=True,
    ),
    Failure(
        "bitlocker.locked", "A BitLocker volume is locked",
        "A volume is encrypted and was not unlocked, so nobody can tell what is on it.",
        "Unlock the volume (manage-bde -unlock), decrypt it (manage-bde -off), and wait for Fully Decrypted.",
        "Remove the disk from the machine, if the image does not need it.",
        "winerror.h; wording assumed", (code(0x80310000),), repair="decrypt_volumes",
    ),
    Failure(
        "bitlocker.on", "BitLocker is on, or a volume is not fully decrypted",
        "The system's volume is encrypted: by BitLocker, by Azure Disk Encryption, or by the encryption that Windows 11 starts "
        "by itself ('waiting for activation' is encrypted, too).",
        "Turn it off (manage-bde -off C:, Disable-BitLocker), and wait until manage-bde -status says Fully Decrypted for "
        "every volume. PreventDeviceEncryption=1 keeps Windows 11 from starting it again.",
        "Azure Disk Encryption: disable it through Azure, then remove its extension.",
        "Published logs (BitLocker-Sysprep, 0x80310039); Microsoft, generalize a VM",
        (code(0x80310039), words("bitlocker-sysprep:"), words("validatebitlockerstate", "fail"), Sign(dll="bdesysprep.dll")),
        repair="decrypt_volumes",
    ),
)  # fmt: skip

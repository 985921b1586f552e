# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fact that the rules ask for. HKLM is HKEY_LOCAL_MACHINE, of the 64-bit view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import (
    Fact,
    flag,
    number,
    records,
    setting,
    text,
    texts,
    word,
)


@dataclass(frozen=True)
class Volume:
    """``conversion``: ConversionStatus of Win32_EncryptableVolume; 0 is fully decrypted, 1 fully encrypted."""

    mount: str
    conversion: int


@dataclass(frozen=True)
class Package:
    """An Appx package. ``users``: security identifiers of those for whom its state is *Installed*.

    ``signature`` is the SignatureKind, ``absent`` where Windows does not tell; ``location`` its folder.
    """

    full_name: str
    family: str
    framework: bool
    resource: bool
    signature: str | None
    location: str | None
    users: tuple[str, ...]


@dataclass(frozen=True)
class Feature:
    """A role or feature of a server that is installed; ``kind`` is its FeatureType."""

    name: str
    kind: str


@dataclass(frozen=True)
class Instance:
    """An instance of SQL Server; ``kind`` is SQL (the engine), OLAP or RS."""

    name: str
    kind: str


@dataclass(frozen=True)
class Service:
    """``start``: 0 boot, 1 system, 2 automatic, 3 manual, 4 disabled."""

    name: str
    start: int | None


@dataclass(frozen=True)
class Handler:
    """A VM extension that the guest agent knows, with the state that it recorded."""

    name: str
    state: str | None


@dataclass(frozen=True)
class Disk:
    """``size`` in bytes."""

    number: int
    size: int
    boot: bool


_CURRENT_VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
EDITION = Fact("os.edition", text, rf"{_CURRENT_VERSION}, EditionID")
INSTALLATION = Fact("os.installation_type", text, rf"{_CURRENT_VERSION}, InstallationType")
BUILD = Fact("os.build", number, rf"{_CURRENT_VERSION}, CurrentBuildNumber")
ARCHITECTURE = Fact("os.architecture", text, "AMD64, ARM64 or x86: PROCESSOR_ARCHITECTURE of the Session Manager")
PRODUCT_TYPE = Fact("os.product_type", text, "WinNT, ServerNT or LanmanNT (domain controller): Control\\ProductOptions")
UPGRADED_FROM = Fact("os.upgraded_from", texts, r"the systems before in-place upgrades: HKLM\SYSTEM\Setup\Source OS …")

IS_SYSTEM = Fact("session.is_system", flag, "whether the collector runs as Local System")
IS_ADMINISTRATOR = Fact("session.is_administrator", flag, "whether the collector runs elevated")
IS_64BIT = Fact("session.is_64bit", flag, "whether the collector is a 64-bit process")

IMAGE_STATE = Fact("setup.image_state", word, r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State, ImageState")
GENERALIZATION = Fact("setup.generalization_state", setting, r"HKLM\SYSTEM\Setup\Status\SysprepStatus")
CLEANUP = Fact("setup.cleanup_state", setting, r"HKLM\SYSTEM\Setup\Status\SysprepStatus")
SETUP_IN_PROGRESS = Fact("setup.setup_in_progress", setting, r"HKLM\SYSTEM\Setup, SystemSetupInProgress")
OOBE_IN_PROGRESS = Fact("setup.oobe_in_progress", setting, r"HKLM\SYSTEM\Setup, OOBEInProgress")
ANSWER_FILE = Fact("setup.unattend_file", word, r"HKLM\SYSTEM\Setup, UnattendFile")

EXECUTABLE = Fact("sysprep.executable", flag, r"whether %windir%\System32\Sysprep\sysprep.exe is there")
RUNNING = Fact("sysprep.running", flag, "whether a sysprep process runs")
SUCCEEDED_TAG = Fact("sysprep.succeeded_tag", flag, r"whether System32\Sysprep\Sysprep_succeeded.tag is there")
ERROR_LOG = Fact("sysprep.error_log_bytes", number, r"the size of System32\Sysprep\Panther\setuperr.log; 0 when absent")

PANTHER = Fact("leftovers.panther", flag, r"whether %windir%\Panther is there")
UNATTEND = Fact("leftovers.unattend_files", texts, "answer files in the places where Setup looks for them")

SERVICING = Fact("pending_reboot.component_servicing", texts, "those of RebootPending, RebootInProgress, PackagesPending that exist")  # fmt: skip
PENDING_XML = Fact("pending_reboot.pending_xml", flag, r"whether %windir%\WinSxS\pending.xml is there")
UPDATE = Fact("pending_reboot.windows_update", flag, r"whether WindowsUpdate\Auto Update\RebootRequired exists")
RENAMES = Fact("pending_reboot.file_renames", texts, "Session Manager, PendingFileRenameOperations")
NAME = Fact("pending_reboot.computer_name", text, "the computer's name from the next start on")
ACTIVE_NAME = Fact("pending_reboot.active_computer_name", text, "the computer's name now")
JOINING = Fact("pending_reboot.domain_join", flag, "whether Netlogon has JoinDomain or AvoidSpnSet")
INSTALLERS = Fact("processes.installers", texts, "installers that run now: TiWorker, msiexec, wusa, dism, DismHost")

BITLOCKER = Fact("bitlocker.available", flag, "whether Windows has the class Win32_EncryptableVolume")
VOLUMES = Fact("bitlocker.volumes", records(Volume), "its volumes")
BITLOCKER_BOOT = Fact("bitlocker.boot_status", setting, r"HKLM\SYSTEM\CurrentControlSet\Control\BitLockerStatus")
EFS_FILES = Fact("efs.files", texts, "encrypted files in user profiles, three folders deep, at most 20")
EFS_UNREAD = Fact("efs.unread", texts, "folders there that could not be read")
EFS_KEYS = Fact("efs.users", texts, "identifiers of loaded users who have a key for encrypted files")

PACKAGES = Fact("appx.packages", records(Package), "Get-AppxPackage -AllUsers, main packages, frameworks and bundles")
PROVISIONED = Fact("appx.provisioned", texts, "PackageName of Get-AppxProvisionedPackage -Online")

REARM_COUNT = Fact("licensing.rearm_count", number, "SoftwareLicensingService, RemainingWindowsReArmCount")
SKIP_REARM = Fact("licensing.skip_rearm", setting, rf"{_CURRENT_VERSION}\SoftwareProtectionPlatform, SkipRearm")

DOMAIN_ROLE = Fact("membership.domain_role", number, "Win32_ComputerSystem.DomainRole: 0, 2 workgroup; 1, 3 member; 4, 5 controller")  # fmt: skip
DOMAIN = Fact("membership.domain", text, "the name of the domain or workgroup")
ENTRA_JOINED = Fact("membership.entra_joined", flag, r"whether Control\CloudDomainJoin\JoinInfo has a tenant")
CLUSTER_SERVICE = Fact("cluster.service_start", setting, "Start of the service ClusSvc")
CLUSTER_DATABASE = Fact("cluster.database", flag, r"whether %windir%\Cluster\CLUSDB or HKLM\Cluster is there")

ROLES_KNOWN = Fact("roles.available", flag, "whether Windows has Get-WindowsFeature")
ROLES = Fact("roles.installed", records(Feature), "Get-WindowsFeature, those that are installed")
SWITCHES = Fact("hyper_v.switches", texts, "virtual switches: Msvm_VirtualEthernetSwitch")
IIS_ENCRYPTED = Fact("iis.encrypted_values", number, "values that are encrypted in applicationHost.config")
WDS_SHARE = Fact("wds.share", flag, "whether there is the share REMINST")
WDS_ROOT = Fact("wds.root_folder", word, r"Services\WDSServer\Providers\WDSTFTP, RootFolder")
SQL = Fact("sql.instances", records(Instance), r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\Instance Names")

SERVICES = Fact(
    "services.installed",
    records(Service),
    "all services and drivers, with their Start in the registry: Win32_BaseService",
)
RUNNING_SERVICES = Fact("services.running", texts, "names of those that run: Started")
EXTENSIONS = Fact("extensions.handlers", records(Handler), r"HKLM\SOFTWARE\Microsoft\Windows Azure\HandlerState")

FREE = Fact("disks.system_free", number, "free bytes of the system volume")
FIRMWARE = Fact("disks.firmware", setting, "HKLM\\SYSTEM\\CurrentControlSet\\Control, PEFirmwareType: 1 BIOS, 2 UEFI")
DISKS = Fact(
    "disks.disks", records(Disk), "Win32_DiskDrive; it boots from those with a boot partition (Win32_DiskPartition)"
)
SAN_POLICY = Fact("disks.san_policy", setting, r"Services\partmgr\Parameters, SanPolicy; 1 brings all disks online")
CDROM_START = Fact("cdrom.start", setting, "Start of the service cdrom; 1 is what Azure's provisioning needs")
CDROM_DENIED = Fact("cdrom.denied_by", texts, "policies below RemovableStorageDevices that deny reading discs")
RESERVE = Fact("reserve.active_scenario", setting, r"CurrentVersion\ReserveManager, ActiveScenario; 0 is not in use")

TDI = Fact("network.tdi_drivers", texts, "drivers of the groups TDI and PNP_TDI")
FIREWALLS = Fact("network.firewalls", texts, "FirewallProduct of the security center; servers have none")
ADMINISTRATOR = Fact("accounts.administrator_enabled", flag, "whether the account that ends in -500 is enabled")
MUST_CHANGE = Fact("accounts.administrator_must_change", flag, "whether its password is expired")
PASSWORD_AGE = Fact("accounts.max_password_age", number, "seconds until passwords expire; -1 is never")

SHAPE: tuple[Fact[Any], ...] = tuple(each for each in list(globals().values()) if isinstance(each, Fact))

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server roles survive Sysprep, by version of Windows Server.

Microsoft's table ("Sysprep Support for Server Roles") has the columns 2008, 2008 R2 and 2012, and no newer one was ever
published. For everything newer the column 2012 is used, and findings say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

YES, NO, UNSTATED = "yes", "no", "not stated"
PUBLISHED = ("2008", "2008 R2", "2012")
"""The columns of the table, oldest first."""
_FIRST_BUILDS = {"2008": 6001, "2008 R2": 7600, "2012": 9200}
_LAST_BUILD = 9200  # of Windows Server 2012 itself


@dataclass(frozen=True)
class Role:
    """A line of the table.

    :param answers: one for each of ``PUBLISHED``; *not stated* is Microsoft's "not applicable".
    :param names: patterns of the names that Get-WindowsFeature gives, in lower case.
    :param note: the condition of a yes, or what to do about a no.
    """

    title: str
    answers: tuple[str, str, str]
    names: tuple[str, ...]
    note: str = ""


# The first line that fits a name counts. A role is named by all its services, so that none is missed.
TABLE = (
    Role("Active Directory Certificate Services", (NO, NO, NO), ("ad-certificate", "adcs-*")),
    Role("Active Directory Domain Services", (NO, NO, NO), ("ad-domain-services", "adds-*")),
    Role("Active Directory Federation Services", (NO, NO, NO), ("adfs-*", "ad-federation-services")),
    Role("Active Directory Lightweight Directory Services", (NO, NO, NO), ("adlds",)),
    Role("Active Directory Rights Management Services", (NO, NO, NO), ("adrms", "adrms-*")),
    Role("Application Server", (YES, YES, YES), ("application-server", "as-*")),
    Role("DHCP Server", (YES, NO, NO), ("dhcp",)),
    Role("DNS Server", (UNSTATED, UNSTATED, UNSTATED), ("dns",)),
    Role("Fax Server", (NO, NO, NO), ("fax",)),
    Role("File and Storage Services", (NO, YES, YES), ("fileandstorage-services", "file-services", "fs-*", "storage-services")),
    Role("Hyper-V", (UNSTATED, YES, YES), ("hyper-v",), "without virtual switches: the rule hyperv.switches looks for them"),
    Role("Routing and Remote Access", (YES, UNSTATED, UNSTATED),
         ("npas-rras*", "npas-routing", "remoteaccess", "directaccess-vpn", "routing", "web-application-proxy")),
    Role("Network Policy and Access Services", (NO, NO, NO), ("npas", "npas-*")),
    Role("Print and Document Services", (NO, YES, YES), ("print-*",)),
    Role("Remote Desktop Services", (YES, YES, YES), ("remote-desktop-services", "rds-rd-server"), "the session host"),
    Role("Streaming Media Services", (UNSTATED, UNSTATED, UNSTATED), ("streaming-media*",)),
    Role("UDDI Services", (NO, UNSTATED, UNSTATED), ("uddi-*",)),
    Role("Volume Activation Services", (UNSTATED, UNSTATED, UNSTATED), ("volumeactivation",)),
    Role("Web Server (IIS)", (YES, YES, YES), ("web-*",), "without encrypted values: the rule iis.encrypted looks for them"),
    Role("Windows Deployment Services", (NO, NO, YES), ("wds", "wds-*"), "not initialized: the rule wds.initialized looks"),
    Role("Windows Server Update Services", (NO, NO, NO), ("updateservices", "updateservices-*", "oob-wsus")),
)  # fmt: skip

_FEATURES = (
    "azurearcsetup", "backup*", "biometric-framework", "bitlocker*", "bits*", "branchcache", "canarynetworkdiagnostics", "cmak",
    "containers", "data-center-bridging", "desktop-experience", "direct-play", "diskio-qos", "dsc-service", "enhancedstorage",
    "fabricshieldedtools", "failover-clustering", "fs-smb*", "gpmc", "hostguardian", "hyper-v-powershell", "hyper-v-tools",
    "ink*", "internet-print-client", "ipam*", "isns", "lpr-port-monitor", "managementodata", "microsoft-windows-subsystem-linux",
    "migration", "msmq*", "multipath-io", "multipoint-*", "net-*", "networkatc", "networkhud", "networkvirtualization",
    "nfs-client", "nlb", "pnrp", "powershell*", "qwave", "rdc", "rds-licensing-ui", "remote-assistance", "rpc-over-http-proxy",
    "rsat*", "search-service", "server-gui-*", "server-media-foundation", "setup-and-boot-event-collection", "simple-tcpip",
    "smtp-server", "snmp-*", "softwareloadbalancer", "storage-migration-service*", "storage-replica", "subsystem-unix-apps",
    "system-dataarchiver", "system-insights", "telnet-*", "tftp-client", "updateservices-api", "updateservices-rsat",
    "updateservices-ui", "user-interfaces-infra", "was", "was-*", "wds-adminpack", "web-whc", "webdav-redirector",
    "windows-defender*", "windows-identity-foundation", "windows-internal-database", "windows-server-antimalware*",
    "windows-server-backup", "windows-tiff-ifilter", "windowspowershellwebaccess", "windowsstoragemanagementservice",
    "winrm-iis-ext", "wins", "wireless-networking", "wow64-support", "wsrm", "xps-viewer",
)  # fmt: skip
"""Patterns of the features of Windows Server 2008 R2 to 2025, in lower case. Microsoft's table speaks of roles only."""


def is_feature(name: str) -> bool:
    """Whether a feature is one of those that the rules know."""
    lower = name.lower()
    return any(fnmatchcase(lower, pattern) for pattern in _FEATURES)


def column(build: int) -> str | None:
    """Return the column for a build of Windows Server; ``None`` before all of them."""
    fitting = [name for name in PUBLISHED if build >= _FIRST_BUILDS[name]]
    return fitting[-1] if fitting else None


def is_published(build: int) -> bool:
    """Whether Microsoft's table speaks of this build itself; otherwise its newest column is used."""
    return build <= _LAST_BUILD


def line_of(name: str) -> Role | None:
    """Return the line for a role or role service; ``None`` when there is none."""
    lower = name.lower()
    return next((role for role in TABLE if any(fnmatchcase(lower, pattern) for pattern in role.names)), None)


def answer(role: Role, build: int) -> str:
    """Return *yes*, *no* or *not stated*."""
    found = column(build)
    return UNSTATED if found is None else role.answers[PUBLISHED.index(found)]

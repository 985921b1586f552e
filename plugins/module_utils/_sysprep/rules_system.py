# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the system itself and who looks at it: release, architecture, upgrades, memberships."""

from __future__ import annotations

import re

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Facts, Unknown
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    ALWAYS,
    AS_SYSTEM,
    BEFORE,
    GENERAL,
    IMAGE,
    IMAGE_BUILDER,
    OVERVIEW,
    PREP,
    ROLES,
    WARNING,
    Evidence,
    Rules,
    against,
)

RULES = Rules()
RELEASES = {
    7601: "7 and Server 2008 R2", 9200: "8 and Server 2012", 9600: "8.1 and Server 2012 R2",
    10240: "10 1507", 10586: "10 1511", 14393: "10 1607 and Server 2016", 15063: "10 1703", 16299: "10 1709",
    17134: "10 1803", 17763: "10 1809 and Server 2019", 18362: "10 1903", 18363: "10 1909", 19041: "10 2004",
    19042: "10 20H2", 19043: "10 21H1", 19044: "10 21H2", 19045: "10 22H2", 20348: "Server 2022", 22000: "11 21H2",
    22621: "11 22H2", 22631: "11 23H2", 25398: "Server 23H2", 26100: "11 24H2 and Server 2025", 26200: "11 25H2",
}  # fmt: skip
"""The builds of Windows that these rules were written for."""
_SERVER_EDITIONS = re.compile(
    r"server(?:standard|datacenter|enterprise|web|turbine|storagestandard|storageworkgroup)(?:eval)?(?:a?core?)?", re.I
)
_MULTI_SESSION = "serverrdsh"  # Enterprise multi-session: a client that calls its product ServerNT
_CLIENT_EDITIONS = re.compile(
    r"(?:core(?:singlelanguage|countryspecific)?|homebasic|homepremium|ultimate|education|enterprise[gs]?|iotenterprise[ks]?"
    r"|professional(?:education|workstation|singlelanguage|countryspecific)?)n?(?:eval)?|serverrdsh",
    re.I,
)
_EVALUATION = re.compile(r"eval(?:core?)?\Z", re.I)
SERVERS = ("Server", "Server Core")
CLIENT = "Client"
CLUSTERING = "failover-clustering"  # a feature, in lower case
_OLDEST = 7601
_UPGRADED_CLIENTS = 14393
_NOT_AS_SYSTEM = 26100
_MEMBERS = (1, 3)
_CONTROLLERS = (4, 5)
_DOMAIN_CONTROLLER = "lanmannt"
_CLIENT_PRODUCT = "winnt"
_OTHER_PRODUCTS = (_CLIENT_PRODUCT, "servernt")


def is_server(facts: Facts) -> bool:
    """Whether it is a Windows Server.

    :raises Unknown: it is neither a server nor a client that the rules know.
    """
    kind = facts[shape.INSTALLATION]
    if kind not in (*SERVERS, CLIENT):
        raise Unknown(shape.INSTALLATION.path, f"the rules say nothing about an installation of type {kind}")
    return kind in SERVERS


@RULES.add(
    "session.administrator", "The facts were collected, and Sysprep will run, with an administrator's rights",
    cause="Sysprep needs an elevated local administrator, and without these rights not all facts can be seen.",
    remedy="Connect as a member of the local Administrators whose token is not filtered (WinRM or SSH).",
    source=OVERVIEW,
)  # fmt: skip
def _administrator(facts: Facts) -> list[Evidence]:
    return [] if facts[shape.IS_ADMINISTRATOR] else against(shape.IS_ADMINISTRATOR, "not elevated")


@RULES.add(
    "session.bitness", "The facts were collected by a 64-bit process",
    cause="A 32-bit process sees SysWOW64 in the place of System32, so what it says of files is not true.",
    remedy="Use the 64-bit PowerShell (System32\\WindowsPowerShell).", source=GENERAL,
)  # fmt: skip
def _bitness(facts: Facts) -> list[Evidence]:
    return [] if facts[shape.IS_64BIT] else against(shape.IS_64BIT, "32-bit")


@RULES.add(
    "session.system", "Sysprep does not run as Local System where that breaks the image",
    cause="As Local System on Windows 11 24H2 and later and on Server 2025, Sysprep does not register the XAML packages: "
    "machines from the image have a black screen, and Explorer, Start and Settings crash.",
    remedy="Run it as a named local administrator: WinRM or SSH, or a scheduled task of that account. Azure's Run Command "
    "and scheduled tasks of SYSTEM do not do.",
    source=AS_SYSTEM,
)  # fmt: skip
def _system(facts: Facts) -> list[Evidence]:
    build = facts[shape.BUILD]
    return (
        against(shape.IS_SYSTEM, f"S-1-5-18, build {build}")
        if facts[shape.IS_SYSTEM] and build >= _NOT_AS_SYSTEM
        else []
    )


@RULES.add(
    "session.system_elsewhere", "Sysprep runs as a named administrator", severity=WARNING,
    cause="Local System is no account that Microsoft supports for Sysprep; up to Server 2022 and Windows 11 23H2 it is "
    "not known to do harm.",
    remedy="Run it as a named local administrator.", source=AS_SYSTEM,
)  # fmt: skip
def _system_elsewhere(facts: Facts) -> list[Evidence]:
    build = facts[shape.BUILD]
    return (
        against(shape.IS_SYSTEM, f"S-1-5-18, build {build}")
        if facts[shape.IS_SYSTEM] and build < _NOT_AS_SYSTEM
        else []
    )


@RULES.add(
    "os.architecture", "Windows is a 64-bit system",
    cause="Azure starts 64-bit systems only.", remedy="Make the image of a 64-bit Windows.", source=PREP, offline=ALWAYS,
)  # fmt: skip
def _architecture(facts: Facts) -> list[Evidence]:
    found = facts[shape.ARCHITECTURE]
    return [] if found.upper() in ("AMD64", "ARM64") else against(shape.ARCHITECTURE, found)


@RULES.add(
    "os.too_old", "Windows is Server 2008 R2 with Service Pack 1, or newer",
    cause="Azure does not run anything older.", remedy="Make the image of a newer Windows.", source=PREP, offline=ALWAYS,
)  # fmt: skip
def _too_old(facts: Facts) -> list[Evidence]:
    build = facts[shape.BUILD]
    return against(shape.BUILD, build) if build < _OLDEST else []


@RULES.add(
    "os.known", "This release, kind and edition of Windows is one that the rules were written for",
    cause="A release or edition that came after these rules may have causes of failure that they do not know.",
    remedy="Use a newer goldenimage.azure, or try Sysprep on a copy of the machine first.", source=GENERAL,
)  # fmt: skip
def _known(facts: Facts) -> list[Evidence]:
    build, server, edition = facts[shape.BUILD], is_server(facts), facts[shape.EDITION]
    if build >= _OLDEST and build not in RELEASES:
        raise Unknown(shape.BUILD.path, f"build {build} is none that the rules were written for")
    if not (_SERVER_EDITIONS if server else _CLIENT_EDITIONS).fullmatch(edition):
        kind = "server" if server else "client"
        raise Unknown(shape.EDITION.path, f"{edition} is no edition of a {kind} that the rules were written for")
    product = facts[shape.PRODUCT_TYPE].lower()
    if (product != _CLIENT_PRODUCT) is not server and edition.lower() != _MULTI_SESSION:
        raise Unknown(
            shape.PRODUCT_TYPE.path, f"{product} does not go with an installation of type {facts[shape.INSTALLATION]}"
        )
    return []


@RULES.add(
    "os.evaluation", "It is no evaluation edition", severity=WARNING,
    cause="An evaluation ends after some months, on every machine from the image.",
    remedy="Convert it (DISM /Set-Edition) or install from other media.", source=GENERAL, offline=ALWAYS,
)  # fmt: skip
def _evaluation(facts: Facts) -> list[Evidence]:
    edition = facts[shape.EDITION]
    return against(shape.EDITION, edition) if _EVALUATION.search(edition) else []


@RULES.add(
    "os.upgraded", "Windows was installed, not upgraded in place from an older one",
    cause="Sysprep supports systems that were upgraded for clients from Windows 10 1607 on, and for no server.",
    remedy="Install the release anew and make the image of that.", source=OVERVIEW, offline=BEFORE,
)  # fmt: skip
def _upgraded(facts: Facts) -> list[Evidence]:
    older = facts[shape.UPGRADED_FROM]
    if not older or (not is_server(facts) and facts[shape.BUILD] >= _UPGRADED_CLIENTS):
        return []
    return against(shape.UPGRADED_FROM, *older)


@RULES.add(
    "membership.controller", "It is no domain controller",
    cause="A domain controller cannot be generalized: Active Directory Domain Services is not supported with Sysprep.",
    remedy="Demote it, or make the image of another machine.", source=ROLES, offline=IMAGE,
)  # fmt: skip
def _controller(facts: Facts) -> list[Evidence]:
    role, product = facts[shape.DOMAIN_ROLE], facts[shape.PRODUCT_TYPE]
    found = against(shape.DOMAIN_ROLE, role) if role in _CONTROLLERS else []
    found += against(shape.PRODUCT_TYPE, product) if product.lower() == _DOMAIN_CONTROLLER else []
    if not found and product.lower() not in _OTHER_PRODUCTS:
        raise Unknown(shape.PRODUCT_TYPE.path, f"{product} is no product type that is documented")
    return found


@RULES.add(
    "membership.domain", "It is in a workgroup, not in a domain",
    cause="Sysprep takes the machine out of its domain, and policies of the domain stay in the image and undo settings.",
    remedy="Leave the domain, restart, and prepare the machine again.", source=PREP, offline=BEFORE,
)  # fmt: skip
def _domain(facts: Facts) -> list[Evidence]:
    role, name = facts[shape.DOMAIN_ROLE], facts[shape.DOMAIN]
    return against(shape.DOMAIN, name) if role in _MEMBERS else []


@RULES.add(
    "membership.workgroup", "Windows says that it is in a workgroup, in words that the rules know",
    cause="DomainRole is 0 or 2 in a workgroup, 1 or 3 in a domain, 4 or 5 for controllers; nothing else is documented.",
    remedy="Look at the membership of the machine by hand.", source=GENERAL,
)  # fmt: skip
def _workgroup(facts: Facts) -> list[Evidence]:
    role = facts[shape.DOMAIN_ROLE]
    if role not in (0, 2, *_MEMBERS, *_CONTROLLERS):
        raise Unknown(shape.DOMAIN_ROLE.path, f"{role} is no role that is documented")
    return []


@RULES.add(
    "membership.entra", "It is not joined to Microsoft Entra ID",
    cause="Every machine from the image would have the device identity of this one.",
    remedy="Leave (dsregcmd /leave), restart, and see that the machine is not managed any more.", source=GENERAL,
)  # fmt: skip
def _entra(facts: Facts) -> list[Evidence]:
    return against(shape.ENTRA_JOINED, "CloudDomainJoin has a tenant") if facts[shape.ENTRA_JOINED] else []


@RULES.add(
    "cluster.member", "It is no member of a failover cluster",
    cause="A member of a cluster has its identity in the cluster's database; Microsoft's table does not even name the feature.",
    remedy="Evict the node and destroy its configuration (Clear-ClusterNode), or use another machine.", source=GENERAL,
)  # fmt: skip
def _cluster(facts: Facts) -> list[Evidence]:
    return against(shape.CLUSTER_DATABASE, "it has a cluster's database") if facts[shape.CLUSTER_DATABASE] else []


@RULES.add(
    "cluster.installed", "Failover Clustering is not installed",
    cause="Nobody states that the feature survives Sysprep.",
    remedy="Remove it and add it after deployment.", source=GENERAL,
)  # fmt: skip
def _cluster_installed(facts: Facts) -> list[Evidence]:
    start = facts[shape.CLUSTER_SERVICE]
    if start is not None:
        raise Unknown(shape.CLUSTER_SERVICE.path, f"the service ClusSvc is there (Start {start})")
    if any(each.name.lower() == CLUSTERING for each in facts[shape.ROLES]):
        raise Unknown(shape.ROLES.path, "Failover-Clustering is installed")
    return []


@RULES.add(
    "accounts.administrator", "The built-in Administrator, if enabled, need not change its password",
    cause="An account that must change its password keeps the first start waiting: OSProvisioningTimedOut.",
    remedy="Set a new password, let passwords never expire (net accounts /maxpwage:unlimited), or disable the account.",
    source=IMAGE_BUILDER, repair="clear_password_change",
)  # fmt: skip
def _built_in(facts: Facts) -> list[Evidence]:
    enabled, must_change = facts[shape.ADMINISTRATOR], facts[shape.MUST_CHANGE]
    return against(shape.MUST_CHANGE, "its password is expired") if enabled and must_change else []


@RULES.add(
    "accounts.password_age", "Passwords of local accounts do not expire", severity=WARNING,
    cause="A password that expires in the image keeps the first start of a machine waiting.",
    remedy="net accounts /maxpwage:unlimited", source=IMAGE_BUILDER, repair="clear_password_change",
)  # fmt: skip
def _password_age(facts: Facts) -> list[Evidence]:
    age = facts[shape.PASSWORD_AGE]
    return [] if age < 0 else against(shape.PASSWORD_AGE, f"{age // 86400} days")

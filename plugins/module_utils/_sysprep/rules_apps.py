# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about packages, licence, agents, extensions and third-party software."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Unknown
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    ALWAYS,
    GENERAL,
    IMAGE,
    INFO,
    PACKER,
    PREP,
    REARM,
    STORE_APPS,
    WARNING,
    Evidence,
    Rules,
    against,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules_system import is_server

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Facts

RULES = Rules()
AZURE_AGENTS = ("RdAgent", "WindowsAzureGuestAgent")
_MANUAL, _DISABLED = 3, 4
_DEFENDER = "sense"  # Windows brings it, to be started by hand; only onboarding starts it
_FIRST_WITH_APPS = 9200
_GONE = ("uninstalled", "notinstalled")
_RUN_COMMAND = ("microsoft.cplat.core.runcommandwindows", "microsoft.cplat.core.runcommandhandlerwindows")
OTHER_AGENTS = {
    "himds": "Azure Arc", "azurearcagent": "Azure Arc", "healthservice": "Microsoft Monitoring Agent",
    "ccmexec": "Configuration Manager", "sense": "Defender for Endpoint", "csfalconservice": "CrowdStrike Falcon",
    "sentinelagent": "SentinelOne", "cyserver": "Cortex XDR", "taniumclient": "Tanium", "besclient": "BigFix",
    "qualysagent": "Qualys", "splunkforwarder": "Splunk", "puppet": "Puppet", "salt-minion": "Salt",
    "chef-client": "Chef", "cloudbase-init": "cloudbase-init", "octopusdeploy tentacle": "Octopus Deploy",
}  # fmt: skip
"""Services, in lower case, of agents that give a machine an identity of their own."""
HYPERVISOR_TOOLS = {
    "vmtools": "VMware Tools", "vgauthservice": "VMware Tools", "vmci": "VMware Tools", "vboxservice": "VirtualBox",
    "vboxguest": "VirtualBox", "qemu-ga": "QEMU guest agent", "balloon": "virtio", "balloonservice": "virtio",
    "viostor": "virtio", "vioscsi": "virtio", "netkvm": "virtio", "xensvc": "XenServer", "xenbus": "XenServer",
    "prl_tools": "Parallels",
}  # fmt: skip
NEEDED_SERVICES = {
    "appxsvc": "AppX Deployment Service", "staterepository": "State Repository Service", "clipsvc": "Client License Service",
    "sppsvc": "Software Protection", "trustedinstaller": "Windows Modules Installer",
}  # fmt: skip
"""Services of Windows, in lower case, that Sysprep's providers start on demand."""
_OWN_TDI = {"afd", "netbt", "netbios", "tcpip", "tcpip6", "tdx", "tdi", "smb", "ws2ifsl", "rdbss", "nsiproxy", "hvsocket",
            "hvsocketcontrol", "vmsproxy", "discache", "tcpipreg", "rasacd"}  # fmt: skip


def family_of(package: str) -> str:
    """Return the family of a package's full name: ``name_version_architecture_resource_publisher``."""
    parts = package.split("_")
    return f"{parts[0]}_{parts[-1]}".lower()


def _of_users(facts: Facts) -> dict[str, list[shape.Package]]:
    """Packages by their family that some user has and that are no part of Windows, no framework and no resource."""
    found: dict[str, list[shape.Package]] = {}
    for each in facts[shape.PACKAGES]:
        if each.users and not (_is_windows_own(each) or each.framework or each.resource):
            found.setdefault(each.family.lower(), []).append(each)
    return found


def _is_windows_own(package: shape.Package) -> bool:
    """Whether it is a part of Windows: in its folder, or signed as one where nobody says where it is."""
    if package.location is not None:
        return ":\\windows\\" in package.location.lower()
    return (package.signature or "").lower() == "system"


def _shown(package: shape.Package) -> str:
    return f"{package.full_name} for {', '.join(package.users)}"


@RULES.add(
    "appx.not_provisioned", "Every Appx package that a user has is provisioned for all users",
    cause="Sysprep stops with 0x80073cf2 when a package was installed for a user but is not provisioned for all. On Server "
    "2025 winget's source package is often the one.",
    remedy="Stop the Store's automatic updates, remove the package for that user (Remove-AppxPackage) or delete the profile.",
    source=STORE_APPS, repair="remove_user_appx",
)  # fmt: skip
def _not_provisioned(facts: Facts) -> list[Evidence]:
    if not facts[shape.PACKAGES] and not is_server(facts) and facts[shape.BUILD] >= _FIRST_WITH_APPS:
        raise Unknown(shape.PACKAGES.path, "it lists none, and every client since Windows 8 has some")
    provisioned = {family_of(each) for each in facts[shape.PROVISIONED]}
    return against(
        shape.PACKAGES,
        *(_shown(each) for family, kept in _of_users(facts).items() if family not in provisioned for each in kept),
    )


@RULES.add(
    "appx.other_version", "Users have the versions of Appx packages that are provisioned",
    cause="A package that was updated for one user is not the one that is provisioned, and Sysprep may stop with 0x80073cf2.",
    remedy="Stop the Store's automatic updates, remove the updated package for that user, or provision that version.",
    source=STORE_APPS, repair="remove_user_appx",
)  # fmt: skip
def _other_version(facts: Facts) -> list[Evidence]:
    names = {each.lower() for each in facts[shape.PROVISIONED]}
    families = {family_of(each) for each in names}
    found: list[Evidence] = []
    for family, kept in _of_users(facts).items():
        for user in dict.fromkeys(user for each in kept for user in each.users):
            # Bundles are provisioned by their own name, which the packages in them do not have: one that fits is enough.
            his = [each.full_name for each in kept if user in each.users]
            if family in families and not any(name.lower() in names for name in his):
                found += against(shape.PACKAGES, f"{his[0]} for {user}")
    return found


@RULES.add(
    "licensing.rearm", "Windows can be rearmed once more",
    cause="Sysprep rearms the licence; with no rearm left it stops with 0xc004d307.",
    remedy="Build the image from an older copy. SkipRearm only lets Sysprep pass: such an image is not for production.",
    source=REARM, repair="skip_rearm",
)  # fmt: skip
def _rearm(facts: Facts) -> list[Evidence]:
    count, skip = facts[shape.REARM_COUNT], facts[shape.SKIP_REARM]
    return against(shape.REARM_COUNT, count) if count < 1 and skip != 1 else []


@RULES.add(
    "licensing.last_rearm", "Windows can be rearmed more than once", severity=WARNING,
    cause="After this Sysprep none is left, so the image cannot be generalized again.",
    remedy="Keep a copy of the machine from before Sysprep and build the next image from that.", source=REARM,
)  # fmt: skip
def _last_rearm(facts: Facts) -> list[Evidence]:
    count = facts[shape.REARM_COUNT]
    return against(shape.REARM_COUNT, count) if count == 1 else []


@RULES.add(
    "licensing.skip_rearm", "Sysprep will rearm the licence", severity=WARNING,
    cause="With SkipRearm machines from the image share an activation identity, and a KMS host does not count them.",
    remedy="Set SkipRearm to 0 before the image goes to production.", source=REARM, repair="clear_skip_rearm",
)  # fmt: skip
def _skip_rearm(facts: Facts) -> list[Evidence]:
    return against(shape.SKIP_REARM, 1) if facts[shape.SKIP_REARM] == 1 else []


def _azure_agents(facts: Facts) -> dict[str, shape.Service]:
    wanted = {each.lower() for each in AZURE_AGENTS}
    return {each.name.lower(): each for each in facts[shape.SERVICES] if each.name.lower() in wanted}


@RULES.add(
    "agents.running", "The Azure agents run",
    cause="Sysprep calls the agents; while they do not run, or only one is there, it fails or leaves the agents broken.",
    remedy="Start RdAgent and WindowsAzureGuestAgent, or install the agent anew.", source=PACKER, repair="start_agents",
)  # fmt: skip
def _agents_running(facts: Facts) -> list[Evidence]:
    found = _azure_agents(facts)
    if not found:
        return []
    gone = [f"{name} is not installed" for name in AZURE_AGENTS if name.lower() not in found]
    running = {each.lower() for each in facts[shape.RUNNING_SERVICES]}
    still = [f"{each.name} does not run" for name, each in found.items() if name not in running]
    return against(shape.SERVICES, *gone, *still)


@RULES.add(
    "agents.enabled", "The Azure agents are not disabled",
    cause="A disabled agent does not start on machines from the image: no extensions, and provisioning never ends.",
    remedy="Set the services to start automatically.", source=PREP, repair="start_agents", offline=ALWAYS,
)  # fmt: skip
def _agents_enabled(facts: Facts) -> list[Evidence]:
    disabled = [each.name for each in _azure_agents(facts).values() if each.start == _DISABLED]
    return against(shape.SERVICES, *(f"{name} is disabled" for name in disabled))


@RULES.add(
    "agents.installed", "The Azure agent is installed", severity=WARNING,
    cause="Azure provisions a machine without the agent, but extensions and Run Command do not work.",
    remedy="Install the Windows VM agent, or create machines with provision_vm_agent, which installs it.",
    source=PREP, offline=ALWAYS,
)  # fmt: skip
def _agents_installed(facts: Facts) -> list[Evidence]:
    return (
        [] if _azure_agents(facts) else against(shape.SERVICES, "neither RdAgent nor WindowsAzureGuestAgent is there")
    )


@RULES.add(
    "services.found", "The services of Windows were found",
    cause="Without them nothing is known of agents, tools and databases.",
    remedy="Look at the services by hand (Get-Service).", source=GENERAL,
)  # fmt: skip
def _services_found(facts: Facts) -> list[Evidence]:
    if not facts[shape.SERVICES]:
        raise Unknown(shape.SERVICES.path, "it lists none, and every Windows has some")
    return []


@RULES.add(
    "services.needed", "No service that Sysprep starts is disabled",
    cause="Sysprep's providers for packages, licence and servicing start these services, and fail with 0x422 when they cannot. "
    "Scripts that 'optimize' images often disable them.",
    remedy="Set Start below HKLM\\SYSTEM\\CurrentControlSet\\Services\\NAME back to 3 (sppsvc: 2), and restart.",
    source=GENERAL,
)  # fmt: skip
def _needed(facts: Facts) -> list[Evidence]:
    disabled = [each.name for each in facts[shape.SERVICES] if each.start == _DISABLED]
    return against(
        shape.SERVICES,
        *(f"{name} ({NEEDED_SERVICES[name.lower()]})" for name in disabled if name.lower() in NEEDED_SERVICES),
    )


@RULES.add(
    "agents.identity", "No other agent gives the machine an identity of its own", severity=WARNING,
    cause="Every machine from the image reports to the agent's service as this one.",
    remedy="Take the agent's identity away as its maker describes, or install it after deployment.",
    source=GENERAL, offline=IMAGE,
)  # fmt: skip
def _identity(facts: Facts) -> list[Evidence]:
    resting = {_DEFENDER: (_MANUAL, _DISABLED)}
    names = (
        (each.name, OTHER_AGENTS.get(each.name.lower()))
        for each in facts[shape.SERVICES]
        if each.start not in resting.get(each.name.lower(), (_DISABLED,))
    )
    return against(shape.SERVICES, *(f"{name} ({product})" for name, product in names if product))


@RULES.add(
    "agents.defender", "It is not onboarded to Defender for Endpoint",
    cause="The identity of an onboarded machine is protected from everyone: Sysprep cannot delete it, stops with access denied "
    "(0x80070005, senseGuid) and leaves a half-done system.",
    remedy="Offboard the machine (the script of the Defender portal), see that nothing onboards it again, and onboard the machines "
    "made of the image.",
    source=GENERAL,
)  # fmt: skip
def _defender(facts: Facts) -> list[Evidence]:
    running = [each for each in facts[shape.RUNNING_SERVICES] if each.lower() == _DEFENDER]
    return against(shape.RUNNING_SERVICES, *(f"{name} runs" for name in running))


@RULES.add(
    "agents.hypervisor", "No tools of another hypervisor are installed", severity=WARNING,
    cause="Drivers and tools of other hypervisors do nothing on Azure, and may keep a machine from starting.",
    remedy="Uninstall them.", source=PREP, offline=ALWAYS,
)  # fmt: skip
def _hypervisor(facts: Facts) -> list[Evidence]:
    names = ((each.name, HYPERVISOR_TOOLS.get(each.name.lower())) for each in facts[shape.SERVICES])
    return against(shape.SERVICES, *(f"{name} ({product})" for name, product in names if product))


def _handlers(facts: Facts, *, run_command: bool) -> list[Evidence]:
    present = [each for each in facts[shape.EXTENSIONS] if (each.state or "").lower() not in _GONE]
    chosen = [each.name for each in present if each.name.lower().startswith(_RUN_COMMAND) is run_command]
    return against(shape.EXTENSIONS, *chosen)


@RULES.add(
    "extensions.removed", "No VM extension is installed",
    cause="Extensions keep the state of this machine; Microsoft wants them removed before Sysprep.",
    remedy="Remove the extensions in Azure (az vm extension delete), then collect the facts again.", source=PREP,
)  # fmt: skip
def _extensions(facts: Facts) -> list[Evidence]:
    return _handlers(facts, run_command=False)


@RULES.add(
    "extensions.run_command", "Run Command was never used here", severity=INFO,
    cause="Azure's Run Command is an extension too, and stays recorded. Nothing of it is carried out on new machines.",
    remedy="Nothing need be done.", source=GENERAL,
)  # fmt: skip
def _run_command(facts: Facts) -> list[Evidence]:
    return _handlers(facts, run_command=True)


@RULES.add(
    "network.tdi", "No other network filters are installed", severity=WARNING,
    cause="Additional TDI drivers and filters may keep a machine from the network on Azure.",
    remedy="Uninstall the program that they belong to.", source=PREP,
)  # fmt: skip
def _tdi(facts: Facts) -> list[Evidence]:
    return against(shape.TDI, *(each for each in facts[shape.TDI] if each.lower() not in _OWN_TDI))


@RULES.add(
    "network.firewalls", "No other firewall is installed", severity=WARNING,
    cause="Another firewall may keep Remote Desktop and Azure's agents out.",
    remedy="Uninstall it, or see that it lets 168.63.129.16 and the ports of the machine through.", source=PREP,
)  # fmt: skip
def _firewalls(facts: Facts) -> list[Evidence]:
    return against(shape.FIREWALLS, *facts[shape.FIREWALLS])

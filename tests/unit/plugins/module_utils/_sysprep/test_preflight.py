# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations before Sysprep: a clean machine with one change, and what has to be said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import server_roles
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.preflight import RULES, preflight
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import REPAIRS, SEVERITIES

from .machines import GIB, SID, STORE, STORE_BUNDLE, Document, changed, client, package, server, without

WINGET = "Microsoft.Winget.Source_2025.101.1.0_neutral__8wekyb3d8bbwe"
STORE_NEWER = "Microsoft.WindowsStore_22502.1401.9.0_x64__8wekyb3d8bbwe"


@dataclass
class Case:
    """A change, and what it leads to. ``word``: in the remedy. ``said``: in the evidence. No rule: nothing is found."""

    changes: Document
    rule: str | None
    verdict: str = "unsafe"
    word: str = ""
    said: str = ""
    repair: str | None = None
    machine: Document = field(default_factory=server)


def role(*names: str, kind: str = "Role") -> Document:
    return {"roles.installed": [{"name": name, "kind": kind} for name in names]}


def services(**starts: Any) -> Document:
    names = ("RdAgent", "WindowsAzureGuestAgent", "Dhcp")
    known = dict.fromkeys(names, 2) | {name.replace("_", "-"): start for name, start in starts.items()}
    listed = [{"name": name, "start": start} for name, start in known.items() if start is not None]
    return {"services.installed": listed, "services.running": [each["name"] for each in listed]}


def resting_defender(start: int) -> Document:
    """Sense is there, as on every Windows since 10, and does not run."""
    found = services(Sense=start)
    return {**found, "services.running": [name for name in found["services.running"] if name != "Sense"]}


def handlers(*pairs: tuple[str, str]) -> Document:
    return {"extensions.handlers": [{"name": name, "state": state} for name, state in pairs]}


def disk(gib: int, *, boot: bool = True, firmware: Any = 1) -> Document:
    small = {"number": 0, "size": 127 * GIB, "boot": True}
    large = {"number": 1, "size": gib * GIB, "boot": boot}
    return {"disks.firmware": firmware, "disks.disks": [large] if boot else [small, large]}


def os_of(build: int, kind: str = "Server", **more: Any) -> Document:
    return {"os.build": build, "os.installation_type": kind} | {f"os.{name}": value for name, value in more.items()}


CASES = {
    # Windows' own record
    "running or failed": Case({"setup.image_state": "IMAGE_STATE_UNDEPLOYABLE"}, "state.undeployable", word="backup"),
    "generalized already": Case({"setup.image_state": "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"}, "state.generalized", word="capture"),
    "to audit mode": Case({"setup.image_state": "IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT"}, "state.complete", said="AUDIT"),
    "specialize to OOBE": Case({"setup.image_state": "IMAGE_STATE_SPECIALIZE_RESEAL_TO_OOBE"}, "state.complete"),
    "specialize to audit": Case({"setup.image_state": "IMAGE_STATE_SPECIALIZE_RESEAL_TO_AUDIT"}, "state.complete"),
    "no image state": Case({"setup.image_state": "absent"}, "state.complete", said="not there"),
    "an image state nobody knows": Case({"setup.image_state": "IMAGE_STATE_NEW"}, "state.complete"),
    "half-done generalize": Case({"setup.generalization_state": 3}, "state.sysprep_status", word="backup", said="3"),
    "half-done clean-up": Case({"setup.cleanup_state": 7}, "state.sysprep_status", said="7"),
    "no record": Case({"setup.generalization_state": "absent"}, "state.sysprep_status", "unknown"),
    "no record of clean-up": Case({"setup.cleanup_state": "absent"}, "state.sysprep_status", "unknown"),
    "setup under way": Case({"setup.setup_in_progress": 1}, "state.setup", word="Setup end"),
    "OOBE under way": Case({"setup.oobe_in_progress": 1}, "state.setup"),
    "no OOBE value": Case({"setup.oobe_in_progress": "absent"}, None, "safe"),
    "a second Sysprep": Case({"sysprep.running": True}, "sysprep.running", word="never start a second"),
    "no sysprep.exe": Case({"sysprep.executable": False}, "sysprep.executable", word="sfc"),
    "an old tag": Case({"sysprep.succeeded_tag": True}, "sysprep.succeeded_tag", "safe", repair="remove_succeeded_tag"),
    "old errors": Case({"sysprep.error_log_bytes": 812}, "sysprep.earlier_errors", "safe", said="812"),
    # leftovers
    "answer file": Case({"leftovers.unattend_files": [r"C:\Windows\Panther\unattend.xml"]}, "leftovers.unattend",
                        said="Panther", repair="remove_unattend"),
    "Sysprep's answer file": Case({"leftovers.unattend_files": [r"C:\Windows\System32\Sysprep\unattend.xml"]},
                                  "leftovers.unattend", repair="remove_unattend"),
    "Panther": Case({"leftovers.panther": True}, "leftovers.panther", "safe", word="rd /s /q", repair="remove_panther"),
    "answer file by registry": Case({"setup.unattend_file": r"C:\a.xml"}, "leftovers.answer_file", "safe", said="a.xml"),
    # pending restarts
    "servicing": Case({"pending_reboot.component_servicing": ["RebootPending"]}, "reboot.servicing", repair="restart"),
    "packages pending": Case({"pending_reboot.component_servicing": ["PackagesPending"]}, "reboot.servicing", repair="restart"),
    "pending.xml": Case({"pending_reboot.pending_xml": True}, "reboot.servicing", said="pending.xml", repair="restart"),
    "updates": Case({"pending_reboot.windows_update": True}, "reboot.windows_update", word="Restart", repair="restart"),
    "renames": Case({"pending_reboot.file_renames": [r"\??\C:\Temp\old.dll"]}, "reboot.file_renames", said="old.dll",
                    repair="clear_pending_renames"),
    "renamed computer": Case({"pending_reboot.computer_name": "NEW"}, "reboot.computer_name", said="NEW, now BUILD-1",
                             repair="restart"),
    "name in small letters": Case({"pending_reboot.computer_name": "build-1"}, None, "safe"),
    "joining": Case({"pending_reboot.domain_join": True}, "reboot.domain_join", repair="restart"),
    "installer": Case({"processes.installers": ["TiWorker"]}, "reboot.installers", "safe", said="TiWorker"),
    "reserved storage": Case({"reserve.active_scenario": 1}, "reserve.in_use", word="updates", repair="restart"),
    "no reserved storage": Case({"reserve.active_scenario": "absent"}, None, "safe"),
    # the session
    "SYSTEM on Server 2025": Case({"session.is_system": True} | os_of(26100), "session.system", word="named local administrator"),
    "SYSTEM on Windows 11 24H2": Case({"session.is_system": True}, "session.system", machine=client()),
    "SYSTEM on Windows 11 25H2": Case({"session.is_system": True, "os.build": 26200}, "session.system", machine=client()),
    "SYSTEM on Server 2022": Case({"session.is_system": True}, "session.system_elsewhere", "safe"),
    "not elevated": Case({"session.is_administrator": False}, "session.administrator", word="Administrators"),
    "32-bit PowerShell": Case({"session.is_64bit": False}, "session.bitness", word="64-bit"),
    # the release
    "32-bit Windows": Case({"os.architecture": "x86"}, "os.architecture", word="64-bit"),
    "arm64": Case({"os.architecture": "ARM64"}, None, "safe"),
    "Server 2008": Case(os_of(6002), "os.too_old", word="newer"),
    "2008 R2 without a service pack": Case(os_of(7600), "os.too_old"),
    "a release from the future": Case(os_of(29000), "os.known", "unknown", said="29000"),
    "an insider's build": Case(os_of(26101), "os.known", "unknown"),
    "Nano Server": Case(os_of(14393, "Nano Server"), "os.known", "unknown", said="Nano Server"),
    "an edition nobody knows": Case({"os.edition": "ServerQuantumCor"}, "os.known", "unknown", said="ServerQuantumCor"),
    "Essentials": Case({"os.edition": "ServerSolution"}, "os.known", "unknown"),
    "Azure Stack HCI": Case(os_of(20348, "Server Core", edition="ServerAzureStackHCICor"), "os.known", "unknown"),
    "a client's edition on a server": Case({"os.edition": "Enterprise"}, "os.known", "unknown", said="of a server"),
    "a server's edition on a client": Case({"os.edition": "ServerDatacenter"}, "os.known", "unknown", said="of a client",
                                           machine=client()),
    "a client that calls itself a server": Case({"os.product_type": "ServerNT"}, "os.known", "unknown", machine=client()),
    "a server that calls itself a client": Case({"os.product_type": "WinNT"}, "os.known", "unknown"),
    "Azure edition": Case({"os.edition": "ServerTurbine"}, None, "safe"),
    "Server Core": Case(os_of(20348, "Server Core", edition="ServerStandardCor"), None, "safe"),
    "Server Core, as older releases call it": Case(os_of(9600, "Server Core", edition="ServerDatacenterCore"), None, "safe"),
    "multi-session": Case({"os.edition": "ServerRdsh", "os.product_type": "ServerNT"}, None, "safe", machine=client()),
    "IoT": Case({"os.edition": "IoTEnterpriseS"}, None, "safe", machine=client()),
    "evaluation": Case({"os.edition": "ServerDatacenterEval"}, "os.evaluation", "safe", word="Set-Edition"),
    "evaluation of Server Core": Case({"os.edition": "ServerStandardEvalCor"}, "os.evaluation", "safe"),
    "evaluation of a client": Case({"os.edition": "EnterpriseEval"}, "os.evaluation", "safe", machine=client()),
    "upgraded server": Case({"os.upgraded_from": ["Windows Server 2019 Datacenter, build 17763"]}, "os.upgraded", said="2019"),
    "upgraded client": Case({"os.upgraded_from": ["Windows 10 Pro, build 19045"]}, None, "safe", machine=client()),
    "upgraded old client": Case({"os.upgraded_from": ["Windows 7 Professional, build 7601"], "os.build": 10586}, "os.upgraded",
                                machine=client()),
    # memberships
    "domain member": Case({"membership.domain_role": 3, "membership.domain": "corp.example"}, "membership.domain",
                          word="Leave the domain", said="corp.example"),
    "client in a domain": Case({"membership.domain_role": 1, "membership.domain": "corp.example"}, "membership.domain",
                               machine=client()),
    "domain controller": Case({"membership.domain_role": 5}, "membership.controller", word="Demote"),
    "backup domain controller": Case({"membership.domain_role": 4}, "membership.controller"),
    "controller by its product": Case({"os.product_type": "LanmanNT"}, "membership.controller", said="LanmanNT"),
    "a product nobody knows": Case({"os.product_type": "Other"}, "membership.controller", "unknown", said="Other"),
    "a membership nobody knows": Case({"membership.domain_role": 9}, "membership.workgroup", "unknown"),
    "Entra ID": Case({"membership.entra_joined": True}, "membership.entra", word="dsregcmd"),
    "cluster member": Case({"cluster.database": True}, "cluster.member", word="Evict"),
    "clustering installed": Case({"cluster.service_start": 4} | role("Failover-Clustering", kind="Feature"),
                                 "cluster.installed", "unknown", word="after deployment", said="Start 4"),
    "clustering without its service": Case(role("Failover-Clustering", kind="Feature"), "cluster.installed", "unknown"),
    "must change password": Case({"accounts.administrator_must_change": True}, "accounts.administrator",
                                 repair="clear_password_change"),
    "disabled and must change": Case({"accounts.administrator_enabled": False, "accounts.administrator_must_change": True},
                                     None, "safe"),
    "passwords expire": Case({"accounts.max_password_age": 3628800}, "accounts.password_age", "safe", said="42 days",
                             repair="clear_password_change"),
    # roles
    "certificate services": Case(role("ADCS-Cert-Authority", kind="Role Service"), "roles.unsupported", said="newest"),
    "directory services": Case(role("AD-Domain-Services"), "roles.unsupported", word="after deployment"),
    "federation": Case(role("ADFS-Federation"), "roles.unsupported"),
    "lightweight directory": Case(role("ADLDS"), "roles.unsupported"),
    "rights management": Case(role("ADRMS-Server"), "roles.unsupported"),
    "fax": Case(role("Fax"), "roles.unsupported"),
    "network policy": Case(role("NPAS"), "roles.unsupported"),
    "update services": Case(role("UpdateServices"), "roles.unsupported"),
    "DHCP": Case(role("DHCP"), "roles.unsupported", said="no"),
    "DHCP on 2008 R2": Case(role("DHCP") | os_of(7601), "roles.unsupported", said="column 2008 R2"),
    "WDS on 2008 R2": Case(role("WDS") | os_of(7601), "roles.unsupported"),
    "WDS": Case(role("WDS"), "roles.newer_than_table", "safe", said="not initialized"),
    "WDS on 2012": Case(role("WDS") | os_of(9200), None, "safe"),
    "WDS with its share": Case(role("WDS") | {"wds.share": True}, "wds.initialized", word="uninitialize",
                               repair="uninitialize_wds"),
    "WDS with its folder": Case(role("WDS") | {"wds.root_folder": r"D:\RemoteInstall"}, "wds.initialized", said="D:",
                                repair="uninitialize_wds"),
    "DNS": Case(role("DNS"), "roles.unstated", "unknown", said="states nothing"),
    "volume activation": Case(role("VolumeActivation"), "roles.unstated", "unknown"),
    "remote access": Case(role("RemoteAccess"), "roles.unstated", "unknown"),
    "a role nobody knows": Case(role("QuantumServices"), "roles.unstated", "unknown", said="not in the table"),
    "a role service nobody knows": Case(role("Web", kind="Rollendienst"), "roles.unstated", "unknown"),
    "connection broker": Case(role("RDS-Connection-Broker"), "roles.unstated", "unknown"),
    "session host": Case(role("RDS-RD-Server") | os_of(9200), None, "safe"),
    "file server": Case(role("FileAndStorage-Services", "FS-FileServer"), "roles.newer_than_table", "safe", said="2012"),
    "print server on 2012": Case(role("Print-Services", "Print-Server") | os_of(9200), None, "safe"),
    "web server": Case(role("Web-Server"), "roles.newer_than_table", "safe"),
    "Hyper-V": Case(role("Hyper-V"), "roles.newer_than_table", "safe", said="switches"),
    "virtual switches": Case(role("Hyper-V") | {"hyper_v.switches": ["External"]}, "hyperv.switches", said="External",
                             repair="delete_virtual_switches"),
    "default switch of a client": Case({"hyper_v.switches": ["Default Switch"]}, "hyperv.switches",
                                       repair="delete_virtual_switches", machine=client()),
    "encrypted values of IIS": Case({"iis.encrypted_values": 2}, "iis.encrypted", said="2 values"),
    "a feature nobody knows": Case(role("Quantum-Client", kind="Feature"), "roles.features", "unknown", said="Quantum-Client"),
    "features of every server": Case(role("Windows-Defender", "PowerShellRoot", "WoW64-Support", "XPS-Viewer", "FS-SMB1",
                                          "RSAT-AD-PowerShell", "NET-WCF-TCP-PortSharing45", kind="Feature"), None, "safe"),
    "update services' tools": Case(role("UpdateServices-RSAT", "UpdateServices-API", kind="Feature"), None, "safe"),
    "a server without any feature": Case({"roles.installed": []}, "roles.unsupported", "unknown", said="lists nothing"),
    "a server that hides its roles": Case({"roles.available": False}, "roles.unsupported", "unknown"),
    "WINS": Case(role("WINS", kind="Feature"), "roles.stateful", "safe"),
    "SQL Server": Case({"sql.instances": [{"name": "MSSQLSERVER", "kind": "SQL"}]}, "sql.instances", word="PrepareImage"),
    "reporting services": Case({"sql.instances": [{"name": "SSRS", "kind": "RS"}]}, "sql.instances", said="SSRS (RS)"),
    "SQL Server's service": Case(services(MSSQLSERVER=2), "sql.instances", "unknown", said="MSSQLSERVER"),
    "a named instance's service": Case(services(**{"MSSQL$EXPRESS": 3}), "sql.instances", "unknown", said="MSSQL$EXPRESS"),
    "Windows' own database": Case(services(**{"MSSQL$MICROSOFT##WID": 2}), None, "safe"),
    # disks
    "encrypted": Case({"bitlocker.volumes": [{"mount": "C:", "conversion": 1}]}, "bitlocker.decrypted", said="C:",
                      repair="decrypt_volumes"),
    "decrypting": Case({"bitlocker.volumes": [{"mount": "C:", "conversion": 0}, {"mount": "D:", "conversion": 3}]},
                       "bitlocker.decrypted", said="D:", repair="decrypt_volumes"),
    "a locked volume": Case({"bitlocker.volumes": [{"mount": "E:", "conversion": None}]}, "bitlocker.decrypted", "unknown"),
    "no volume at all": Case({"bitlocker.volumes": []}, "bitlocker.decrypted", "unknown"),
    "a server without BitLocker": Case({"bitlocker.available": False, "bitlocker.volumes": []}, None, "safe"),
    "BitLocker that does not answer": Case({"bitlocker.available": False} | role("BitLocker", kind="Feature"),
                                           "bitlocker.decrypted", "unknown"),
    "a client without BitLocker": Case({"bitlocker.available": False}, "bitlocker.decrypted", "unknown", machine=client()),
    "encrypted at its start": Case({"bitlocker.available": False, "bitlocker.boot_status": 1}, "bitlocker.decrypted", "unknown"),
    "encrypted file": Case({"efs.files": [r"C:\Users\anna\secret.txt"]}, "efs.files", word="cipher /d", said="secret.txt"),
    "a key for encrypted files": Case({"efs.users": [SID]}, "efs.users", "safe", word="cipher /u /n"),
    "a folder that cannot be read": Case({"efs.unread": [r"C:\Users\anna\x"]}, "efs.searched", "safe"),
    "no space": Case({"disks.system_free": GIB}, "disks.space", word="enlarge", said="1024 MiB"),
    "little space": Case({"disks.system_free": 5 * GIB}, "disks.little_space", "safe"),
    "large disk with BIOS": Case(disk(2049), "disks.boot_size", word="generation 2", said="2049 GiB"),
    "largest disk with BIOS": Case(disk(2048), None, "safe"),
    "large disk with UEFI": Case(disk(2049, firmware=2), None, "safe"),
    "large disk, no firmware": Case(disk(2049, firmware="absent"), "disks.boot_size", "unknown"),
    "enormous data disk": Case(disk(32768, boot=False), "disks.data_size", said="32768 GiB"),
    "no boot disk": Case({"disks.disks": [{"number": 0, "size": GIB, "boot": False}]}, "disks.found", "unknown"),
    "SAN policy": Case({"disks.san_policy": 2}, "disks.san_policy", "safe", word="onlineall", repair="set_san_policy"),
    "no SAN policy": Case({"disks.san_policy": "absent"}, "disks.san_policy", "safe", repair="set_san_policy"),
    "cdrom disabled": Case({"cdrom.start": 4}, "cdrom.start", word="Start to 1", repair="enable_cdrom"),
    "no cdrom": Case({"cdrom.start": "absent"}, "cdrom.start", said="not there", repair="enable_cdrom"),
    "discs denied": Case({"cdrom.denied_by": ["RemovableStorageDevices, Deny_All"]}, "cdrom.policy", said="Deny_All"),
    # packages and licence
    "package of one user": Case({"appx.packages": [package(WINGET)]}, "appx.not_provisioned", word="Remove-AppxPackage",
                                said=SID, repair="remove_user_appx"),
    "deprovisioned app": Case({"appx.provisioned": []}, "appx.not_provisioned", said=STORE, repair="remove_user_appx",
                              machine=client()),
    "updated for one user": Case({"appx.packages": [package(STORE_NEWER)]}, "appx.other_version", said=STORE_NEWER,
                                 repair="remove_user_appx", machine=client()),
    "updated for one user of two": Case(
        {"appx.packages": [package(STORE), package(STORE_NEWER, users=(f"{SID[:-1]}2",))], "appx.provisioned": [STORE]},
        "appx.other_version", said=f"{STORE_NEWER} for {SID[:-1]}2", repair="remove_user_appx"),
    "provisioned by itself": Case({"appx.packages": [package(STORE)], "appx.provisioned": [STORE]}, None, "safe"),
    "only staged": Case({"appx.packages": [package(WINGET, users=())]}, None, "safe"),
    "part of Windows": Case({"appx.packages": [package(WINGET, signature="absent", location=r"C:\Windows\SystemApps\x")]},
                            None, "safe"),
    "signed as Windows, elsewhere": Case({"appx.packages": [package(WINGET, signature="System")]}, "appx.not_provisioned",
                                         repair="remove_user_appx"),
    "signed as Windows, nowhere": Case({"appx.packages": [package(WINGET, signature="System", location="absent")]}, None, "safe"),
    "a client without any package": Case({"appx.packages": []}, "appx.not_provisioned", "unknown", machine=client()),
    "Windows 7 without any package": Case({"appx.packages": [], "os.build": 7601}, None, "safe", machine=client()),
    "a folder named like Windows": Case({"appx.packages": [package(WINGET, location=r"C:\WindowsApps\x")]},
                                        "appx.not_provisioned", repair="remove_user_appx"),
    "no rearm left": Case({"licensing.rearm_count": 0}, "licensing.rearm", word="SkipRearm", repair="skip_rearm"),
    "no rearm left, skipped": Case({"licensing.rearm_count": 0, "licensing.skip_rearm": 1}, "licensing.skip_rearm", "safe",
                                   repair="clear_skip_rearm"),
    "last rearm": Case({"licensing.rearm_count": 1}, "licensing.last_rearm", "safe", word="copy"),
    "rearm skipped": Case({"licensing.skip_rearm": 1}, "licensing.skip_rearm", "safe", repair="clear_skip_rearm"),
    # agents and extensions
    "agent stopped": Case({"services.running": ["RdAgent"]}, "agents.running", said="WindowsAzureGuestAgent does not run",
                          repair="start_agents"),
    "half an agent": Case(services(WindowsAzureGuestAgent=None), "agents.running", said="not installed", repair="start_agents"),
    "agent disabled": Case(services(RdAgent=4), "agents.enabled", said="RdAgent", repair="start_agents"),
    "no agent": Case(services(RdAgent=None, WindowsAzureGuestAgent=None), "agents.installed", "safe", word="provision_vm_agent"),
    "package service disabled": Case(services(AppXSvc=4), "services.needed", word="back to 3", said="AppXSvc"),
    "licensing service disabled": Case(services(sppsvc=4), "services.needed", said="Software Protection"),
    "servicing disabled": Case(services(TrustedInstaller=4), "services.needed", said="TrustedInstaller"),
    "services on demand": Case(services(AppXSvc=3, TrustedInstaller=3, sppsvc=2), None, "safe"),
    "no service at all": Case({"services.installed": []}, "services.found", "unknown", word="Get-Service"),
    "another agent": Case(services(HealthService=2), "agents.identity", "safe", said="Microsoft Monitoring Agent"),
    "another agent, disabled": Case(services(HealthService=4), None, "safe"),
    "Defender for Endpoint": Case({"services.running": ["RdAgent", "WindowsAzureGuestAgent", "Sense"]}, "agents.defender",
                                  word="Offboard", said="Sense runs"),
    "Defender's service, resting": Case(resting_defender(3), None, "safe"),
    "Defender's service, onboarded": Case(resting_defender(2), "agents.identity", "safe", said="Defender for Endpoint"),
    "cloudbase-init": Case(services(cloudbase_init=2), "agents.identity", "safe"),
    "VMware": Case(services(VMTools=2), "agents.hypervisor", "safe", word="Uninstall", said="VMware Tools"),
    "extension": Case(handlers(("Microsoft.Compute.CustomScriptExtension_1.10.15", "Enabled")), "extensions.removed",
                      word="Remove the extensions"),
    "extension that went": Case(handlers(("Microsoft.Compute.BGInfo_2.1", "Uninstalled")), None, "safe"),
    "extension that does not say": Case(handlers(("Microsoft.Compute.BGInfo_2.1", "absent")), "extensions.removed"),
    "Run Command": Case(handlers(("Microsoft.CPlat.Core.RunCommandWindows_1.1.18", "Enabled")), "extensions.run_command", "safe"),
    "filter driver": Case({"network.tdi_drivers": ["tdx", "AcmeFilter"]}, "network.tdi", "safe", said="AcmeFilter"),
    "firewall": Case({"network.firewalls": ["Acme Firewall"]}, "network.firewalls", "safe", word="168.63.129.16"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_situation(name: str) -> None:
    case = CASES[name]
    found = preflight(changed(case.machine, case.changes))
    assert found["verdict"] == case.verdict, found["findings"]
    if case.rule is None:
        return
    (finding,) = [each for each in found["findings"] if each["rule"] == case.rule]
    assert finding["result"] == ("unknown" if case.verdict == "unknown" else "found")
    assert case.word in finding["remedy"]
    assert case.said in " ".join(each["value"] for each in finding["evidence"])
    assert finding["repair"] == case.repair


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.rule is None])
def test_nothing_is_found_where_nothing_is(name: str) -> None:
    case = CASES[name]
    before = {each["rule"] for each in preflight(case.machine)["findings"]}
    assert {each["rule"] for each in preflight(changed(case.machine, case.changes))["findings"]} <= before


@pytest.mark.parametrize("machine", [server(), client()])
def test_clean_machines_are_safe_and_nothing_is_found(machine: Document) -> None:
    assert preflight(machine) == {
        "verdict": "safe",
        "findings": [],
        "counts": {"error": 0, "warning": 0, "info": 0, "unknown": 0, "pass": len(RULES)},
    }


def test_every_rule_has_a_situation() -> None:
    assert {rule.id for rule in RULES} - {"session.system"} <= {case.rule for case in CASES.values()}


def test_one_change_leads_to_no_other_finding() -> None:
    """Only that the table of roles is old is said besides, and what is unknown of roles is unknown to all their rules."""
    for name, case in CASES.items():
        rules = {each["rule"] for each in preflight(changed(case.machine, case.changes))["findings"]}
        unlisted = "roles.available" in case.changes or case.changes.get("roles.installed") == []
        besides = {"roles.unstated", "roles.features", "roles.stateful"} if unlisted else set()
        besides |= {"agents.installed"} if case.rule == "services.found" else set()
        assert rules - {case.rule} <= {"roles.newer_than_table", *besides}, name


def test_rules_are_data_that_can_be_relied_on() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.severity in SEVERITIES, rule.id
        assert rule.repair is None or rule.repair in REPAIRS, rule.id
        assert all((rule.title, rule.cause, rule.remedy, rule.source)), rule.id
    assert set(REPAIRS) == {rule.repair for rule in RULES if rule.repair}, "every repair belongs to a rule"


def test_the_worst_comes_first() -> None:
    machine = changed(server(), {"sysprep.error_log_bytes": 1, "leftovers.panther": True, "cdrom.start": 4})
    findings = preflight(without(machine, "appx.packages"))["findings"]
    order = [(each["result"], each["severity"]) for each in findings]
    assert order == [
        ("found", "error"),
        ("found", "warning"),
        ("found", "info"),
        ("unknown", "error"),
        ("unknown", "error"),
    ]


def test_an_unknown_finding_says_why_and_offers_no_repair() -> None:
    machine = without(server(), "bitlocker.volumes") | {
        "errors": {"bitlocker": "CimException 0x80041003: access denied"}
    }
    (finding,) = preflight(machine)["findings"]
    assert (finding["rule"], finding["result"], finding["severity"]) == ("bitlocker.decrypted", "unknown", "error")
    assert finding["evidence"] == [
        {"fact": "bitlocker.volumes", "value": "collecting it failed: CimException 0x80041003: access denied"}
    ]
    assert finding["repair"] is None


def test_evidence_cannot_steer_a_terminal_or_flood_it() -> None:
    names = [f"C:\\x\x1b[2J{number}" for number in range(500)]
    (finding,) = preflight(changed(server(), {"pending_reboot.file_renames": names}))["findings"]
    assert len(finding["evidence"]) == 21
    assert finding["evidence"][-1] == {"fact": "", "value": "and 480 more"}
    assert "\x1b" not in str(finding)


def test_the_table_of_roles_is_microsofts() -> None:
    answers = {role.title: role.answers for role in server_roles.TABLE}
    assert len(answers) == len(server_roles.TABLE) == 21
    assert answers["DHCP Server"] == ("yes", "no", "no")
    assert answers["Windows Deployment Services"] == ("no", "no", "yes")
    assert answers["Routing and Remote Access"] == ("yes", "not stated", "not stated")
    assert [server_roles.column(build) for build in (5999, 6001, 7601, 9200, 9600, 20348, 26100)] == [
        None, "2008", "2008 R2", "2012", "2012", "2012", "2012",
    ]  # fmt: skip
    assert [server_roles.is_published(build) for build in (7601, 9200, 9600, 26100)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("name", "title"),
    [("Web-Application-Proxy", "Routing and Remote Access"), ("Web-Server", "Web Server (IIS)"),
     ("NPAS-RRAS-Services", "Routing and Remote Access"), ("NPAS-Policy-Server", "Network Policy and Access Services"),
     ("FS-Data-Deduplication", "File and Storage Services"), ("ADRMS", "Active Directory Rights Management Services"),
     ("OOB-WSUS", "Windows Server Update Services"), ("RDS-Licensing", None), ("Routing", "Routing and Remote Access")],
)  # fmt: skip
def test_names_of_roles(name: str, title: str | None) -> None:
    line = server_roles.line_of(name)
    assert (line.title if line else None) == title


def test_the_bundle_stands_for_the_app() -> None:
    assert STORE_BUNDLE in client()["appx"]["provisioned"]
    assert preflight(client())["verdict"] == "safe"

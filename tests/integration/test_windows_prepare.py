# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role windows_prepare under ansible-core, against a simulated Windows machine (tests/support/windows_host)."""

from __future__ import annotations

import base64
import copy
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.goldenimage.azure.plugins.module_utils._windows_settings import differences, name_of
from support.windows_host import answers, machines
from support.windows_host.arguments import checked as arguments_of
from support.windows_host.state import Model
from support.windows_plays import Run, run_playbook
from support.windows_settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOPICS = sorted({one["topic"] for one in settings()} | {"system_files", "agent"})
STANDARD = [one for one in TOPICS if one not in ("winrm_https", "page_file")]
WRITES = {
    "win_regedit",
    "win_service",
    "win_file",
    "win_copy",
    "win_package",
    "win_route",
    "win_firewall",
    "win_timezone",
}


@dataclass
class Room:
    """A folder with simulated machines, and a way to run the role on them."""

    folder: Path
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def machine(self, name: str = "machine", base: dict[str, Any] | None = None, **changes: Any) -> Path:
        return machines.write(self.folder / f"{name}.json", base or machines.server(), **changes)

    def state(self, name: str = "machine") -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return loaded

    def requests(self, name: str = "machine") -> list[dict[str, Any]]:
        log = self.folder / f"{name}.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def playbook(self, playbook: str, *options: str, **variables: Any) -> Run:
        """Run a playbook on all machines of the folder."""
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        found = {name: (self.folder / f"{name}.json", self.variables.get(name, {})) for name in names}
        return run_playbook(self.folder, playbook, found, *options, variables=variables)

    def role(self, *options: str, tasks_from: str = "main", **variables: Any) -> Run:
        """Run the role; its variables without their prefix."""
        named = {f"windows_prepare_{name}": value for name, value in variables.items()}
        include = {
            "ansible.builtin.include_role": {"name": "goldenimage.azure.windows_prepare", "tasks_from": tasks_from}
        }
        play = self.folder / "play.yml"
        play.write_text(yaml.safe_dump([{"hosts": "windows", "gather_facts": False, "tasks": [include]}]))
        return self.playbook(str(play), *options, **named)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A server on which the role has run with all topics."""
    room = Room(tmp_path_factory.mktemp("prepared"))
    room.machine()
    run = room.role(topics=TOPICS)
    assert run.code == 0, run.text[-6000:]
    return room.state()


def without_traces(state: dict[str, Any]) -> dict[str, Any]:
    """The parts of a machine that say something about Windows, not about who asked."""
    return {
        key: value for key, value in state.items() if key not in ("counters", "update_rounds", "files", "faults")
    } | {"files": [name for name in state["files"] if "ansible-tmp" not in name]}


def test_end_to_end_and_again(room: Room) -> None:
    """A server from a server room is prepared, restarted and compared; a second run finds nothing to do."""
    room.machine()
    first = room.role(topics=TOPICS)
    assert first.code == 0, first.text[-6000:]
    assert first.counted("changed") > 12
    after = room.state()
    assert after["boot"]["number"] >= 3  # for updates and for the settings
    assert all(one["installed"] for one in after["updates"])
    assert after["routes"] == [{"destination": "0.0.0.0/0", "gateway": "192.168.1.1"}]
    assert not any("Panther" in name or "unattend" in name for name in after["files"])

    before, written = without_traces(after), len(room.requests())
    second = room.role(topics=TOPICS)
    assert second.code == 0, second.text[-6000:]
    assert second.counted("changed") == 0, second.text
    assert without_traces(room.state()) == before
    asked = room.requests()[written:]
    assert asked
    assert not [one for one in asked if one["request"] in WRITES and not one["check_mode"]]


def test_check_mode_writes_nothing(room: Room) -> None:
    room.machine()
    before = without_traces(room.state())
    run = room.role("--check", topics=TOPICS)
    assert run.code == 0, run.text[-6000:]
    assert run.counted("changed") > 8
    assert without_traces(room.state()) == before


def test_check_mode_on_a_prepared_machine(room: Room, prepared: dict[str, Any]) -> None:
    room.machine(base=prepared)
    run = room.role("--check", topics=TOPICS)
    assert (run.code, run.counted("changed")) == (0, 0), run.text[-6000:]


def test_verify_alone(room: Room, prepared: dict[str, Any]) -> None:
    """By its own entry and by its toggle; it names what differs and changes nothing."""
    room.machine(base=prepared)
    for run in (room.role(tasks_from="verify", topics=TOPICS), room.role(topics=TOPICS, verify_only=True)):
        assert (run.code, run.counted("changed")) == (0, 0), run.text[-6000:]
    room.machine()
    before = without_traces(room.state())
    run = room.role(verify_only=True)
    assert run.code == 2
    assert "rdp: HKLM:" in run.text
    assert "PortNumber is dword 3390, wanted dword 3389" in run.text.replace("\\\\", "\\")
    assert without_traces(room.state()) == before


@pytest.mark.soak
def test_a_client(room: Room) -> None:
    """Windows 11 gets the console's service by a capability, and no sacsvr is asked for before."""
    room.machine(base=machines.client())
    run = room.role()
    assert run.code == 0, run.text[-6000:]
    assert room.state()["capabilities"] == {"Windows.Desktop.EMS-SAC.Tools~~~~0.0.1.0": "Installed"}
    assert room.role().counted("changed") == 0


# What is wrong once for each setting.


def spoil(model: Model, setting: dict[str, Any]) -> None:
    """Give a prepared machine a wrong value for one setting."""
    SPOILERS[setting["kind"]](model, setting)


def _registry(model: Model, setting: dict[str, Any]) -> None:
    kinds = {"dword": "REG_DWORD", "expandstring": "REG_EXPAND_SZ", "multistring": "REG_MULTI_SZ"}
    if setting.get("absent"):
        multi = setting["name"] == "PendingFileRenameOperations"
        model.set_value(setting["key"], setting["name"], *(("REG_MULTI_SZ", ["x"]) if multi else ("REG_DWORD", 1)))
    elif setting["type"] == "dword":
        model.set_value(setting["key"], setting["name"], "REG_DWORD", (setting["data"] + 1) % (1 << 32))
    else:
        wrong = [r"E:\wrong"] if setting["type"] == "multistring" else r"E:\wrong"
        model.set_value(setting["key"], setting["name"], kinds[setting["type"]], wrong)


def _service(model: Model, setting: dict[str, Any]) -> None:
    service = model.service(setting["name"])
    assert service
    service["start_mode"] = "disabled"


def _rule(model: Model, setting: dict[str, Any]) -> None:
    wanted = setting.get("rule")
    for one in model["firewall"]["rules"]:
        if wanted and (one["display_name"], one["direction"]) == (wanted["display_name"], wanted["direction"]):
            one["action"] = "Block"
            return
        if not wanted and one["name"] == setting["name"]:
            one["enabled"] = False
            return
    raise AssertionError(setting)


def _group(model: Model, setting: dict[str, Any]) -> None:
    next(one for one in model["firewall"]["rules"] if one["group"] == setting["group"])["enabled"] = False


def _bcd(model: Model, setting: dict[str, Any]) -> None:
    name = {"{default}": "{current}"}.get(setting["object"], setting["object"])
    wrong = {"Yes": "No", "No": "Yes"}.get(setting["shown"], "9" if setting["shown"].isdigit() else "wrong")
    assert model["bcd"][name][setting["element"]] == setting["shown"]
    model["bcd"][name][setting["element"]] = wrong


def _right(model: Model, setting: dict[str, Any]) -> None:
    have = model["rights"][setting["name"]]
    if setting["action"] == "add":
        have.remove(setting["users"][0])
    else:
        have.append(setting["users"][0])


def _product(model: Model, setting: dict[str, Any]) -> None:
    names = {
        "VMware Tools": "VMware Tools",
        "VirtualBox Guest Additions": "Oracle VM VirtualBox Guest Additions 7.0",
        "XenServer and XCP-ng tools": "XenServer VM Tools",
        "QEMU guest agent": "QEMU guest agent",
        "virtio drivers": "Virtio-win-guest-tools",
        "Nutanix tools": "Nutanix Guest Tools",
    }
    model["products"].append(
        {"name": names[setting["name"]], "id": "{" + setting["name"] + "}", "msi": True, "uninstall": ""}
    )


def _power(model: Model, setting: dict[str, Any]) -> None:
    model["power"]["values"][model["power"]["active"]][setting["name"]][0] = 60


SPOILERS: dict[str, Callable[[Model, dict[str, Any]], None]] = {
    "registry": _registry,
    "registry_key": lambda model, setting: model["registry"].update({setting["key"].replace("HKLM:", "HKLM"): {}}),
    "service": _service,
    "bcd": _bcd,
    "power_scheme": lambda model, _: model["power"].update(active="381b4222-f694-41f0-9685-ff5bb260df2e"),
    "power_value": _power,
    "firewall_profile": lambda model, setting: model["firewall"]["profiles"].update({setting["name"]: False}),
    "firewall_group": _group,
    "firewall_rule": _rule,
    "listener": lambda model, setting: model.update(
        listeners=[one for one in model["listeners"] if one["transport"] != setting["name"]]
    ),
    "right": _right,
    "proxy": lambda model, _: model.update(proxy={"proxy": "other:1", "bypass": None}),
    "routes": lambda model, _: model["routes"].append({"destination": "10.9.0.0/16", "gateway": "10.0.0.9"}),
    "path": lambda model, setting: model.write_file(setting["path"]),
    "port": lambda model, setting: model["port_owners"].append(
        {"port": setting["port"], "process": "relay (7)", "services": []}
    ),
    "product": _product,
}
ALL = [one for one in settings() if one.get("edition") != "client"]
UNMENDABLE = {"port"}
"""What the role reports and never repairs: it ends no process."""


def read(model: Model) -> dict[str, Any]:
    """What the role's read.yml finds on a machine, asked without Ansible, so that a machine for each setting is quick."""

    def ask(module: str, **arguments: Any) -> dict[str, Any]:
        checked, wrong = arguments_of(module, arguments)
        assert not wrong
        return answers.ANSWERS[module](answers.Asked(checked, Model(copy.deepcopy(dict(model))), 0.0))

    def of(*kinds: str) -> list[dict[str, Any]]:
        return [one for one in ALL if one["kind"] in kinds]

    def program(*argv: str) -> str:
        return str(ask("win_command", argv=list(argv))["stdout"])

    keys = {one["key"] for one in of("registry", "registry_key")}
    groups = {one["group"] for one in of("firewall_group")}
    parameters = {"RuleNames": ["FPS-ICMP4-ERQ-In"], "RuleDisplayNames": ["AzurePlatform", "WinRM over HTTPS"]}
    screen = program("powercfg.exe", "/query", "SCHEME_CURRENT", "SUB_VIDEO", "VIDEOIDLE")
    survey = answers.Asked({**parameters, "RuleGroups": groups, "Ports": [3389]}, model, 0.0)
    return {
        "registry": [{"item": key, **ask("win_reg_stat", path=key)} for key in keys],
        "services": ask("win_service_info")["services"],
        "bcd": [
            {"item": one, "stdout": program("bcdedit.exe", "/enum", one)}
            for one in {one["object"] for one in of("bcd")}
        ],
        "power": {
            "scheme": program("powercfg.exe", "/getactivescheme"),
            "values": [{"item": "VIDEOIDLE", "stdout": screen}],
        },
        "rights": [
            {"item": one["name"], **ask("win_user_right", name=one["name"], users=one["users"], action=one["action"])}
            for one in of("right")
        ],
        "proxy": ask("win_http_proxy", proxy="", bypass=[]),
        "paths": [{"item": one["path"], **ask("win_stat", path=one["path"])} for one in of("path")],
        "survey": answers.SCRIPTS["windows_prepare/survey"](survey),
    }


WRITTEN = {"windows_prepare_page_file": [r"D:\pagefile.sys"], "windows_prepare_routes_keep": ["0.0.0.0/0", "::/0"]}


def plain(setting: dict[str, Any]) -> dict[str, Any]:
    """A setting with the defaults in place of its variables."""
    if setting["kind"] == "proxy":
        return {**setting, "proxy": "", "bypass": []}
    if setting["kind"] == "routes":
        return {**setting, "keep": WRITTEN["windows_prepare_routes_keep"]}
    if setting.get("name") == "PagingFiles":
        return {**setting, "data": WRITTEN["windows_prepare_page_file"]}
    return setting


def test_every_wrong_value_alone_is_caught(prepared: dict[str, Any]) -> None:
    """For each setting a machine that is wrong in just that: it is named, and nothing else is."""
    answers.load()
    wanted = [plain(setting) for setting in ALL]
    assert differences(wanted, read(Model(copy.deepcopy(prepared)))) == []
    for setting in ALL:
        model = Model(copy.deepcopy(prepared))
        spoil(model, setting)
        named = [one["id"] for one in differences(wanted, read(model))]
        # Another power scheme has values of its own.
        others = ["power SUB_VIDEO VIDEOIDLE"] if setting["kind"] == "power_scheme" else []
        assert named == [name_of(setting), *others]


def test_everything_wrong_at_once(room: Room, prepared: dict[str, Any]) -> None:
    """All of it is in one message, and all of it is repaired in one run."""
    model = Model(copy.deepcopy(prepared))
    wrong = [setting for setting in ALL if setting["kind"] not in UNMENDABLE]
    for setting in wrong:
        spoil(model, setting)
    room.machine(base=model)
    failure = _failure(room.role(tasks_from="verify", topics=TOPICS).text, "machine")
    assert failure.startswith(f"{len(wrong)} differences: "), failure
    assert [name_of(setting) for setting in wrong if f"{setting['topic']}: {name_of(setting)} is " not in failure] == []
    run = room.role(topics=TOPICS, third_party_remove=True)
    assert run.code == 0, run.text[-6000:]
    assert _comparable(room.state()) == _comparable(prepared)


def _comparable(state: dict[str, Any]) -> dict[str, Any]:
    """What is the same on two machines that are prepared alike."""
    rest = {
        key: value
        for key, value in without_traces(state).items()
        if key not in ("down_until", "boot", "power", "firewall", "registry", "services", "rights")
    }
    active = state["power"]["active"]
    return rest | {
        "power": (active, state["power"]["values"][active]),
        "profiles": state["firewall"]["profiles"],
        "rules": sorted(state["firewall"]["rules"], key=lambda one: str(one["name"])),
        "registry": {key: values for key, values in state["registry"].items() if values},
        "services": sorted(state["services"], key=lambda one: str(one["name"])),
        "rights": {name: sorted(users) for name, users in state["rights"].items()},
    }


def _failure(text: str, host: str) -> str:
    """A host's failure message, with its JSON undone."""
    match = re.search(rf"^fatal: \[{host}\]: FAILED! => (\{{.*?^\}})", text, re.MULTILINE | re.DOTALL)
    return json.loads(match[1])["msg"] if match else ""


# Trouble

QUICK = ["rdp", "services", "firewall"]
TROUBLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a module fails": (
        {"module": "win_regedit", "match": "PortNumber", "do": "fail", "message": "Access is denied"},
        ["Access is denied"],
    ),
    "a module says it did, and did not": (
        {"module": "win_regedit", "match": "PortNumber", "do": "ignore"},
        ["1 differences", "PortNumber", "is dword 3390, wanted dword 3389"],
    ),
    "lost before": ({"module": "win_service", "do": "drop_before"}, ["UNREACHABLE", "before the request arrived"]),
    "lost after": ({"module": "win_service", "do": "drop_after"}, ["UNREACHABLE", "the answer was lost"]),
    "timed out": ({"module": "win_powershell", "nth": 3, "do": "time_out"}, ["UNREACHABLE", "timed out"]),
}


@pytest.mark.soak
@pytest.mark.parametrize("case", TROUBLE)
def test_trouble_is_told_and_the_next_run_goes_on(room: Room, case: str) -> None:
    fault, words = TROUBLE[case]
    room.machine(faults=[fault])
    run = room.role(topics=QUICK)
    assert run.code != 0, run.text[-4000:]
    for word in words:
        assert word in run.text, run.text[-4000:]
    assert room.role(topics=QUICK).code == 0


@pytest.mark.soak
def test_a_restart_at_a_bad_moment(room: Room) -> None:
    """The machine restarts by itself after a change: unreachable at once, and well after the next run."""
    boot = {**machines.server()["boot"], "seconds": 3}
    room.machine(faults=[{"module": "win_service", "do": "restart"}], boot=boot)
    assert "UNREACHABLE" in room.role(topics=QUICK).text
    time.sleep(3)
    assert room.role(topics=QUICK).code == 0


HEALTH: dict[str, tuple[dict[str, Any], str]] = {
    "component store": ({"image": "NonRepairable"}, "the component store is NonRepairable"),
    "a file": (
        {"sfc_lines": ["2026-01-01 12:00:00, Info CSI 00000001 [SR] Cannot repair member file [l:10]x.dll"]},
        "Cannot repair member file",
    ),
    "sfc": ({"sfc_code": 1}, "sfc ended with 1"),
    "WMI": ({"wmi": False}, "inconsistent"),
}


@pytest.mark.parametrize("case", HEALTH)
def test_what_cannot_be_mended_is_an_error(room: Room, case: str) -> None:
    broken, words = HEALTH[case]
    room.machine(health={**machines.server()["health"], **broken})
    run = room.role(topics=["system_files"])
    assert run.code == 2
    assert words in run.text, run.text[-4000:]


@pytest.mark.soak
def test_what_can_be_mended_is(room: Room) -> None:
    """A repairable store, files out of it, and a volume with errors, which is checked at the next start."""
    lines = [r"2026-01-01 12:00:00, Info CSI 00000001 [SR] Repaired file \SystemRoot\x.dll"]
    room.machine(
        health={**machines.server()["health"], "image": "Repairable", "sfc_lines": lines, "volume": "ErrorsFound"}
    )
    run = room.role(topics=["system_files"])
    assert run.code == 0, run.text[-4000:]
    assert room.state()["health"] == {**machines.server()["health"], "image": "Healthy"}
    assert room.state()["boot"]["number"] == 2
    assert room.role(topics=["system_files"]).counted("changed") == 0


@pytest.mark.soak
def test_a_failing_update_is_named(room: Room) -> None:
    updates = [{**one, "fails": True} for one in machines.server()["updates"]]
    room.machine(updates=updates)
    run = room.role(topics=["updates"], restart=False)
    assert run.code == 2
    assert "1 updates failed" in run.text
    assert "Cumulative update" in run.text


@pytest.mark.soak
def test_agent_from_a_file(room: Room) -> None:
    installer = room.folder / "WindowsAzureVmAgent.amd64.msi"
    installer.write_bytes(b"msi")
    room.machine()
    run = room.role(topics=["agent"], agent_installer=str(installer))
    assert run.code == 0, run.text[-4000:]
    state = room.state()
    assert [one["name"] for one in state["products"]] == ["Windows Azure VM Agent"]
    assert {"RdAgent", "WindowsAzureGuestAgent"} <= {one["name"] for one in state["services"]}
    assert not any(name.lower().endswith(".msi") for name in state["files"])
    assert room.role(topics=["agent"], agent_installer=str(installer)).counted("changed") == 0


@pytest.mark.soak
def test_a_proxy_that_is_needed(room: Room) -> None:
    room.machine()
    run = room.role(topics=["proxy"], proxy="proxy.azure:3128", proxy_bypass=["10.*"])
    assert run.code == 0, run.text[-4000:]
    assert room.state()["proxy"] == {"proxy": "proxy.azure:3128", "bypass": "10.*;168.63.129.16"}


@pytest.mark.soak
def test_a_route_that_no_module_removes(room: Room) -> None:
    room.machine(routes=[{"destination": "2001:db8::/32", "gateway": "fe80::1"}])
    run = room.role(topics=["routes"])
    assert run.code == 2
    assert "Remove-NetRoute -DestinationPrefix 2001:db8::/32" in " ".join(run.text.split())
    assert room.role(topics=["routes"], routes_keep=["2001:db8::/32"]).code == 0


@pytest.mark.soak
def test_tools_of_another_hypervisor(room: Room) -> None:
    """An error that says what to do; removed when asked, but not without an MSI."""
    product = {"name": "VMware Tools", "id": "{V}", "msi": True, "uninstall": ""}
    room.machine(products=[product])
    run = room.role(topics=["third_party"])
    assert run.code == 2
    assert "windows_prepare_third_party_remove" in run.text
    assert room.role(topics=["third_party"], third_party_remove=True).code == 0
    assert room.state()["products"] == []
    room.machine(products=[{**product, "msi": False}])
    assert "remove them by hand" in room.role(topics=["third_party"], third_party_remove=True).text


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "variables": (
        {},
        {
            "proxy": "http://proxy",
            "agent_installer": "/nowhere/agent.exe",
            "winrm_thumbprint": "abc",
            "page_file": "pagefile.sys",
            "restart_timeout": 0,
            "except": ["service RemoteRegistry", "service Remote Registry"],
        },
        [
            "windows_prepare_except names service Remote Registry; give names",
            "windows_prepare_proxy is",
            "/nowhere/agent.exe",
            "40 hexadecimal digits",
            "windows_prepare_page_file is",
            "seconds above 0",
        ],
    ),
    "machine": (
        {
            "bits": 32,
            "administrator": False,
            "system_drive": "D:",
            "system_disk": {"bytes": 3 << 40, "partition_style": "MBR"},
        },
        {},
        ["has 32 bits", "is no administrator", "Windows is on D:", "3072 GiB"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_at_once_before_anything_is_changed(room: Room, case: str) -> None:
    changes, variables, words = REFUSED[case]
    room.machine(**changes)
    before = room.state()
    run = room.role(**variables)
    assert run.code == 2
    for word in words:
        assert word in run.text, run.text[-4000:]
    assert without_traces(room.state()) == without_traces(before)


def test_an_unknown_request_is_an_error(room: Room) -> None:
    """The simulated machine never says that something worked which it does not know."""
    room.machine()
    play = room.folder / "unknown.yml"
    for task in (
        {"ansible.windows.win_command": {"argv": ["format.com", "C:"]}},
        {"ansible.windows.win_powershell": {"script": "Get-Process"}},
        {"ansible.windows.win_dns_client": {"adapter_names": "*", "dns_servers": ["1.1.1.1"]}},
        {"ansible.builtin.raw": "dir"},
    ):
        play.write_text(yaml.safe_dump([{"hosts": "windows", "gather_facts": False, "tasks": [task]}]))
        run = room.playbook(str(play))
        assert run.code == 2, task
        assert "does not know this" in run.text, run.text
    play.write_text(
        yaml.safe_dump(
            [{"hosts": "windows", "gather_facts": False, "tasks": [{"ansible.windows.win_file": {"pathh": "x"}}]}]
        )
    )
    assert "pathh" in room.playbook(str(play)).text


@pytest.mark.soak
def test_a_disk_file_is_optimized(room: Room) -> None:
    """Its own entry, on a machine that has the file of another one; a disk without a Windows is an error."""
    disks = {
        rf"D:\disks\{number}.vhd": {"kind": "file", "content": base64.b64encode(str(number).encode()).decode()}
        for number in (0, 1)
    }
    room.machine(files={**machines.server()["files"], **disks})
    assert room.role(tasks_from="optimize", optimize_vhd=r"D:\disks\1.vhd").code == 0
    assert room.state()["files"][r"D:\disks\1.vhd"]["optimized"] is True
    for path, words in (
        (r"D:\disks\0.vhd", "FAILED"),
        (r"D:\disks\2.vhd", "copy it there first"),
        ("disk.vhd", "give the path of"),
    ):
        run = room.role(tasks_from="optimize", optimize_vhd=path)
        assert run.code == 2
        assert words in run.text, run.text
    assert room.role("--check", tasks_from="optimize", optimize_vhd=r"D:\disks\0.vhd").code == 0


def test_the_playbook(room: Room) -> None:
    room.machine()
    refused = room.playbook(
        "goldenimage.azure.prepare_windows",
        prepare_windows_hosts="nobody",
        prepare_windows_topics=["page_file"],
        prepare_windows_proxy="x",
        prepare_windows_agent_installer="/nowhere",
        prepare_windows_restart="perhaps",
    )
    assert refused.code != 0
    for word in (
        "nobody",
        "page_file",
        "prepare_windows_proxy is x",
        "/nowhere",
        "must be true or false",
        "Nothing was changed",
    ):
        assert word in refused.text, refused.text
    assert room.requests() == []
    compared = room.playbook(
        "goldenimage.azure.prepare_windows", prepare_windows_hosts="windows", prepare_windows_only_compare=True
    )
    assert "differences: " in compared.text
    run = room.playbook("goldenimage.azure.prepare_windows", prepare_windows_hosts="windows")
    assert run.code == 0, run.text[-6000:]
    assert "as Azure needs them" in run.text
    again = room.playbook("goldenimage.azure.prepare_windows", prepare_windows_hosts="machine")
    assert again.counted("changed") == 0

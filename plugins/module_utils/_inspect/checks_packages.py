# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the system itself one that Azure takes: architecture, support, versions, package sources."""

from __future__ import annotations

import re

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import support
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
    LISA,
    Book,
    Outcome,
    failed,
    none_of,
    not_applicable,
    passed,
    unknown,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux, numbers

BOOK: Book[Linux] = Book()
_DEBIAN_HOSTS = ("deb.debian.org", "debian-archive.trafficmanager.net", "azure.deb.debian.cloud")


@BOOK.check(
    "system.architecture", "The system is for x86-64 or arm64",
    remedy="Azure runs no other architecture.", source=f"{LISA}: verify_azure_64bit_os",
)  # fmt: skip
def _architecture(system: Linux) -> Outcome:
    if not system.architecture:
        return unknown("No program was found to tell by.")
    return (passed if system.architecture in ("x86_64", "aarch64") else failed)(("/usr/bin", system.architecture))


@BOOK.check(
    "system.supported", "The system is still supported by its maker", severity="warning",
    remedy="Upgrade to a release that gets security updates.", source="Life cycle pages of the distributions",
)  # fmt: skip
def _supported(system: Linux) -> Outcome:
    version = system.release.get("VERSION_ID", "")
    end = support.ends(system.id, version)
    if end is None:
        return unknown(f"It is not known how long {system.id or 'it'} {version} is supported.", "/etc/os-release")
    return (passed if system.today <= end else failed)(("/etc/os-release", f"{system.id} {version}: until {end}"))


@BOOK.check(
    "system.python", "Python is 3.9 or newer",
    remedy="Install a newer Python.", source=f"{LISA}: verify_python_version",
)  # fmt: skip
def _python(system: Linux) -> Outcome:
    target = system.tree.link("/usr/bin/python3")
    names = [target.rsplit("/", 1)[-1]] if target else []
    names += [path.rsplit("/", 1)[-1] for path in system.tree.glob("/usr/bin/python[23]*")]
    names += [path.rsplit("/", 1)[-1] for path in system.tree.glob("/usr/libexec/platform-python3*")]
    versions = [(numbers(found[1]), name) for name in names if (found := re.fullmatch(r".*python(\d+\.\d+)", name))]
    if not versions:
        return (
            failed(("/usr/bin/python3", "not there"))
            if not names
            else unknown("Its version was not found.", "/usr/bin/python3")
        )
    version, name = versions[0]
    return (passed if version >= (3, 9) else failed)((f"/usr/bin/{name}", ".".join(map(str, version))))


@BOOK.check(
    "system.openssl", "OpenSSL is 3.0, or 1.1.1 or 1.0.2 of a maker who keeps it",
    remedy="Install a newer OpenSSL.", source=f"{LISA}: verify_openssl_version",
)  # fmt: skip
def _openssl(system: Linux) -> Outcome:
    folders = ("/usr/lib64", "/usr/lib", "/usr/lib/*-linux-gnu", "/lib64", "/lib/*-linux-gnu")
    paths = dict.fromkeys(path for folder in folders for path in system.tree.glob(f"{folder}/libcrypto.so.*"))
    # Red Hat calls all of 1.0 libcrypto.so.10, which is a link to a file with the whole version.
    versions = {path: found for path in paths if (0,) < (found := numbers(path.rsplit(".so.", 1)[1])) < (10,)}
    if not versions:
        return unknown("libcrypto was not found.", "/usr/lib*/libcrypto.so.*")
    best = max(versions, key=lambda each: versions[each])
    return (passed if versions[best] >= (1, 0, 2) else failed)((best, ".".join(map(str, versions[best]))))


@BOOK.check(
    "system.omi", "Open Management Infrastructure is absent or safe (1.6.8.1)",
    remedy="Update or remove the package omi.", source=f"{LISA}: verify_omi_version",
)  # fmt: skip
def _omi(system: Linux) -> Outcome:
    path = "/opt/omi/bin/omiserver"
    version = system.packages.get("omi", "")
    if not system.tree.exists(path) and not version:
        return passed((path, "not there"))
    if not version:
        return unknown("It is installed, and its version was not found.", path)
    return (passed if numbers(version) >= (1, 6, 8, 1) else failed)((path, version))


@BOOK.check(
    "packages.sources", "Packages come from where Azure expects", severity="warning",
    remedy="Run the role goldenimage.azure.linux_prepare, or name the distribution's own mirrors.",
    source=f"{LISA}: verify_repository_installed",
)  # fmt: skip
def _sources(system: Linux) -> Outcome:
    return {"debian": _apt, "redhat": _yum, "suse": _zypper, "mariner": _mariner}.get(system.family, _no_rule)(system)


def _no_rule(_system: Linux) -> Outcome:
    return not_applicable("There is no rule for this distribution.")


def _apt(system: Linux) -> Outcome:
    paths = [
        "/etc/apt/sources.list",
        *system.tree.glob("/etc/apt/sources.list.d/*.list"),
        *system.tree.glob("/etc/apt/sources.list.d/*.sources"),
    ]
    entries: list[tuple[str, str, str]] = []
    for path in paths:
        text = system.tree.text(path)
        if path.endswith(".sources"):
            addresses = re.findall(r"^URIs:\s*(.*)$", text, re.M)
            suites = " ".join(re.findall(r"^Suites:\s*(.*)$", text, re.M))
            entries += [(path, address, suites) for line in addresses for address in line.split()]
        else:
            entries += [(path, *each) for each in re.findall(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.M)]
    shown = [(path, f"{address} {suites}") for path, address, suites in entries]
    if system.id == "ubuntu":
        host = "azure.archive.ubuntu.com" if system.architecture == "x86_64" else "ports.ubuntu.com"
        good = any(host in each[1] for each in entries) and all(
            any(word in each[2] for each in entries) for word in ("-security", "-updates")
        )
    else:
        good = system.id != "debian" or any(
            host in address for _path, address, _suites in entries for host in _DEBIAN_HOSTS
        )
    return (passed if good and entries else failed)(*(shown or [("/etc/apt/sources.list", "no package source")]))


def _repositories(system: Linux, folder: str) -> list[tuple[str, str, bool]]:
    """(file, id, enabled) of INI-style repository files."""
    found = []
    for path in system.tree.glob(f"{folder}/*.repo"):
        for name, body in re.findall(r"^\[([^\]\n]+)\]([^\[]*)", system.tree.text(path), re.M):
            found.append((path, name, not re.search(r"^\s*enabled\s*=\s*0", body, re.M)))
    return found


def _yum(system: Linux) -> Outcome:
    found = [(path, name) for path, name, on in _repositories(system, "/etc/yum.repos.d") if on]
    words = ("latest",) if system.id == "ol" else ("base", "baseos", "rhel", "fedora", "centos", "rhui")
    good = any(word in name.lower() for _path, name in found for word in words)
    return (passed if good else failed)(*(found or [("/etc/yum.repos.d", "no repository is enabled")]))


def _zypper(system: Linux) -> Outcome:
    found = [(path, name) for path, name, on in _repositories(system, "/etc/zypp/repos.d") if on]
    if not found and system.id == "sles":
        return not_applicable("A SUSE Linux Enterprise machine registers for its repositories at its first boot.")
    names = " ".join(name.lower() for _path, name in found)
    good = ("pool" in names or "oss" in names) and "update" in names
    return (passed if good else failed)(*(found or [("/etc/zypp/repos.d", "no repository is enabled")]))


def _mariner(system: Linux) -> Outcome:
    found = [(path, name) for path, name, on in _repositories(system, "/etc/yum.repos.d") if on]
    wanted = ("azurelinux-official-base",) if system.version >= (3,) else ("mariner-official-base",)
    names = " ".join(name for _path, name in found)
    return none_of((("/etc/yum.repos.d", f"lacks {name}") for name in wanted if name not in names), *found)


@BOOK.check(
    "packages.yum_caching", "Old yum caches packages only", severity="warning",
    remedy="Set http_caching=packages in /etc/yum.conf.", source=f"{LISA}: verify_yum_conf",
)  # fmt: skip
def _yum_conf(system: Linux) -> Outcome:
    if system.family != "redhat" or system.id == "fedora" or not system.version or system.version >= (6, 6):
        return not_applicable("Only for Red Hat systems before 6.6.")
    value = system.settings("/etc/yum.conf").get("http_caching", "")
    return (passed if value == "packages" else failed)(("/etc/yum.conf", f"http_caching={value}"))

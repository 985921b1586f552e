# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the roles of a server, and what is built on them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import server_roles, shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import Facts, Unknown
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules import (
    GENERAL,
    INFO,
    ROLES,
    SQL_SYSPREP,
    WARNING,
    Evidence,
    Rules,
    against,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.rules_system import CLUSTERING, is_server

RULES = Rules()
_NEWEST = server_roles.PUBLISHED[-1]
_FEATURE = "Feature"
_STATEFUL = ("wins", "ipam", "msmq*", "smtp-server", "nlb")
_SQL_SERVICE = re.compile(r"mssqlserver|mssql\$[^#]+", re.I)  # Windows' own database has ## in its name


def _roles(facts: Facts) -> tuple[shape.Feature, ...]:
    """What is installed and a role or role service, or may be one; nothing on clients.

    :raises Unknown: a server does not tell.
    """
    # The rules of clusters speak of clustering.
    return tuple(each for each in _installed(facts) if each.kind != _FEATURE and each.name.lower() != CLUSTERING)


def _installed(facts: Facts) -> tuple[shape.Feature, ...]:
    """Return roles and features of a server; nothing on clients.

    :raises Unknown: a server does not tell.
    """
    known, installed = facts[shape.ROLES_KNOWN], facts[shape.ROLES]
    if known and installed:
        return installed
    if known:
        raise Unknown(shape.ROLES.path, "it lists nothing, and every server has some role or feature")
    if is_server(facts):
        raise Unknown(shape.ROLES.path, "this server does not have Get-WindowsFeature")
    return ()


def _column(build: int) -> str:
    column = server_roles.column(build)
    if column is None:
        return "it is older than all columns of the table"
    return (
        f"column {column}" if server_roles.is_published(build) else f"column {_NEWEST}, the newest that was published"
    )


@RULES.add(
    "roles.unsupported", "No role is installed that Sysprep does not support",
    cause="By Microsoft's table the role is not supported with Sysprep and may not work afterwards.",
    remedy="Remove the role (Uninstall-WindowsFeature) and restart; add it after deployment.", source=ROLES,
)  # fmt: skip
def _unsupported(facts: Facts) -> list[Evidence]:
    found: list[Evidence] = []
    for role in _roles(facts):
        line, build = server_roles.line_of(role.name), facts[shape.BUILD]
        if line is not None and server_roles.answer(line, build) == server_roles.NO:
            found += against(shape.ROLES, f"{role.name} ({line.title}): no, {_column(build)}")
    return found


@RULES.add(
    "roles.unstated", "Microsoft's table has an answer for every role",
    cause="Nobody states whether the role survives Sysprep.",
    remedy="Remove the role and add it after deployment, or try Sysprep on a copy of the machine first.", source=ROLES,
)  # fmt: skip
def _unstated(facts: Facts) -> list[Evidence]:
    open_questions = []
    for role in _roles(facts):
        line, build = server_roles.line_of(role.name), facts[shape.BUILD]
        if line is None:
            open_questions.append(f"{role.name} ({role.kind}): it is not in the table")
        elif server_roles.answer(line, build) == server_roles.UNSTATED:
            open_questions.append(f"{role.name} ({line.title}): the table states nothing, {_column(build)}")
    if open_questions:
        raise Unknown(shape.ROLES.path, "; ".join(open_questions))
    return []


@RULES.add(
    "roles.newer_than_table", "The answer for each role was published for this release", severity=INFO,
    cause="Microsoft never published answers for releases after Windows Server 2012; those of 2012 are used.",
    remedy="Nothing need be done. If in doubt, add these roles after deployment.", source=ROLES,
)  # fmt: skip
def _newer(facts: Facts) -> list[Evidence]:
    build = facts[shape.BUILD]
    found: list[Evidence] = []
    for role in _roles(facts):
        line = server_roles.line_of(role.name)
        if (
            line is not None
            and not server_roles.is_published(build)
            and server_roles.answer(line, build) == server_roles.YES
        ):
            condition = f", {line.note}" if line.note else ""
            found += against(shape.ROLES, f"{role.name} ({line.title}): yes by {_column(build)}{condition}")
    return found


@RULES.add(
    "roles.stateful", "No feature is installed that keeps the name or data of one machine", severity=WARNING,
    cause="It has records of this machine (names, addresses, queues), and the table does not speak of features.",
    remedy="Remove it and add it after deployment.", source=GENERAL,
)  # fmt: skip
def _stateful(facts: Facts) -> list[Evidence]:
    names = [each.name for each in _installed(facts)]
    return against(shape.ROLES, *(each for each in names if any(fnmatchcase(each.lower(), one) for one in _STATEFUL)))


@RULES.add(
    "roles.features", "The rules know every feature that is installed",
    cause="A feature that came after these rules may keep what belongs to one machine only.",
    remedy="Remove it and add it after deployment, or try Sysprep on a copy of the machine first.", source=GENERAL,
)  # fmt: skip
def _features(facts: Facts) -> list[Evidence]:
    names = [each.name for each in _installed(facts) if each.kind == _FEATURE]
    unknown = [each for each in names if not server_roles.is_feature(each)]
    if unknown:
        raise Unknown(shape.ROLES.path, f"{', '.join(unknown)}: none that the rules were written for")
    return []


@RULES.add(
    "hyperv.switches", "Hyper-V has no virtual switches",
    cause="The table's yes for Hyper-V holds without virtual networks only.",
    remedy="Delete the virtual switches (Remove-VMSwitch) and make them after deployment.",
    source=ROLES, repair="delete_virtual_switches",
)  # fmt: skip
def _switches(facts: Facts) -> list[Evidence]:
    return against(shape.SWITCHES, *facts[shape.SWITCHES])


@RULES.add(
    "iis.encrypted", "The configuration of IIS has no encrypted values",
    cause="Sysprep makes new machine keys, so passwords that are encrypted in applicationHost.config cannot be read any more.",
    remedy="Remove the passwords of application pools and virtual directories, and set them after deployment.", source=ROLES,
)  # fmt: skip
def _iis(facts: Facts) -> list[Evidence]:
    count = facts[shape.IIS_ENCRYPTED]
    return against(shape.IIS_ENCRYPTED, f"{count} values") if count else []


@RULES.add(
    "wds.initialized", "Windows Deployment Services are not initialized",
    cause="The table's yes for the role holds only while the server is not initialized.",
    remedy="wdsutil /uninitialize-server; initialize it after deployment.", source=ROLES, repair="uninitialize_wds",
)  # fmt: skip
def _wds(facts: Facts) -> list[Evidence]:
    share, root = facts[shape.WDS_SHARE], facts[shape.WDS_ROOT]
    found = against(shape.WDS_SHARE, "there is a share REMINST") if share else []
    return found + (against(shape.WDS_ROOT, root) if root else [])


@RULES.add(
    "sql.instances", "SQL Server is not installed, or only prepared",
    cause="An instance that was installed completely keeps the name and the accounts of this machine.",
    remedy="Install SQL Server in its own two steps: setup /ACTION=PrepareImage before Sysprep, and /ACTION=CompleteImage on "
    "each new machine.",
    source=SQL_SYSPREP,
)  # fmt: skip
def _sql(facts: Facts) -> list[Evidence]:
    found = against(shape.SQL, *(f"{each.name} ({each.kind})" for each in facts[shape.SQL]))
    services = [each.name for each in facts[shape.SERVICES] if _SQL_SERVICE.fullmatch(each.name)]
    if services and not found:
        raise Unknown(shape.SQL.path, f"no instance is named, but there is the service {', '.join(services)}")
    return found

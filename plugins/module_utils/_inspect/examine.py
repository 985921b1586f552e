# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a disk to everything that is said about it, in stages: what came before a failure is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import (
    checks_agents,
    checks_boot,
    checks_disk,
    checks_identity,
    checks_leftovers,
    checks_packages,
    checks_settings,
    checks_windows,
    contents,
    windows,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import (
    AZURE,
    GENERALIZE,
    Book,
    verdict,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.errors import Unreadable
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.linux import Linux
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.mounts import assemble
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.tree import Tree
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.volumes import Volume, volumes
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.partitions import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.stream import Disk
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source

LINUX = (
    checks_boot.BOOK, checks_agents.BOOK, checks_settings.BOOK, checks_packages.BOOK, checks_identity.BOOK,
    checks_leftovers.BOOK,
)  # fmt: skip
WINDOWS: tuple[Book[dict[str, Any]], ...] = (checks_windows.BOOK,)
"""Rules over the facts of ``windows.collect``: books of checks whose system is that dictionary."""


def examine(disk: Disk, *, specialized: bool, today: str) -> Iterator[dict[str, Any]]:
    """Yield parts of the result; later ones win."""
    source: Source = disk  # type: ignore[assignment]  # a size and read() is all that is used of it
    table = read_table(source)
    yield {
        "complete": False,
        "partition_table": {"scheme": table.scheme, "problems": list(table.problems)},
        "generations": table.generations,
    }
    found = volumes(disk, table)
    view = checks_disk.Layout(table, found)
    yield {
        "partitions": [volume.shown for volume in found],
        "generations": view.generations,
        "problems": [printable(volume.trouble) for volume in found if volume.trouble],
    }
    yield {**_system(view, specialized=specialized, today=today), "complete": True}


def _system(view: checks_disk.Layout, *, specialized: bool, today: str) -> dict[str, Any]:
    layout = checks_disk.BOOK.run(view, specialized=specialized)
    trouble: list[str] = []
    for volume in view.volumes:
        try:
            if volume.filesystem is None:
                continue
            if volume.content.type == "ntfs":
                if windows.is_system(Tree(volume.filesystem)):
                    return _windows(volume, layout, specialized=specialized)
            elif (tree := assemble(volume, view.volumes)) is not None:
                volume.shown["role"] = "root"
                return _linux(view, tree, layout, specialized=specialized, today=today)
        except Unreadable as error:
            trouble.append(f"{volume.label}: {error}")
    return _nothing(view, layout, trouble)


def _linux(
    view: checks_disk.Layout, tree: Tree, layout: list[dict[str, Any]], *, specialized: bool, today: str
) -> dict[str, Any]:
    system = Linux(tree, view, today)
    results = layout + [each for book in LINUX for each in book.run(system, specialized=specialized)]
    trusted = all(volume.content.clean is not False for volume in view.volumes)
    generalized = verdict(results, (GENERALIZE,), trusted=trusted) if not specialized else None
    about = (AZURE,) if specialized else (AZURE, GENERALIZE)
    return {
        "os": _safe(system.describe),
        "agents": _safe(system.agents),
        "checks": results,
        "generalized": generalized,
        "ready": verdict(results, about, trusted=trusted),
    }


def _windows(volume: Volume, layout: list[dict[str, Any]], *, specialized: bool) -> dict[str, Any]:
    volume.shown["role"] = "root"
    facts = windows.collect(volume)
    trusted = volume.content.clean is not False and not facts["hives_dirty"]
    about = (AZURE,) if specialized else (AZURE, GENERALIZE)
    results = layout + [each for book in WINDOWS for each in book.run(facts, specialized=specialized)]
    return {
        "os": facts["os"],
        "agents": facts["agents"],
        "windows": {key: value for key, value in facts.items() if key not in ("os", "agents", "generalized")},
        "checks": results,
        "generalized": None if specialized else facts["generalized"],
        "ready": verdict(results, about, trusted=trusted),
    }


def _nothing(view: checks_disk.Layout, layout: list[dict[str, Any]], trouble: list[str]) -> dict[str, Any]:
    locked = [volume.content.type for volume in view.volumes if volume.content.kind == contents.ENCRYPTED]
    why = [volume.trouble for volume in view.volumes if volume.trouble] + trouble
    return {
        "os": {"family": "unknown", "encrypted": ", ".join(sorted(set(locked)))},
        "agents": {},
        "checks": layout,
        "generalized": None,
        "ready": verdict(layout, (AZURE,), trusted=False),
        "problems": [printable(text) for text in dict.fromkeys(why)] or ["No operating system was found on the disk."],
    }


def _safe(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return describe()
    except Unreadable as error:
        return {"problem": printable(error)}

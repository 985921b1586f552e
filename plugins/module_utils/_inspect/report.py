# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a file, or an open source, to the whole result of an inspection."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import contain
from ansible_collections.goldenimage.azure.plugins.module_utils._vhd import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source


def inspect_file(
    path: str,
    *,
    format: str = "auto",  # noqa: A002
    specialized: bool = False,
    timeout: float = 60,
    backing_files: bool = False,
    folder: str | None = None,
    update: Callable[[str, int], object] | None = None,
) -> dict[str, Any]:
    """Look into a disk file.

    :param format: ``auto``, or what the caller states.
    :param backing_files: the disk may build on other files of its folder.
    :param folder: for temporary files.
    :param update: called with what is done before the disk can be read, and how many bytes were.
    :raises InvalidInput: the file cannot be read, or is not a disk.
    """
    if timeout <= 0:
        raise InvalidInput(f"timeout is {timeout}.", remedy="Give 1 or more.")
    looked = validate.opened(path, format=format, backing_files=backing_files, folder=folder, update=update)
    with looked as (found, opened):
        source = opened or validate.convertible(
            found, opened
        )  # what cannot be opened is refused with all that is wrong
        disk = {"path": found.path, "format": found.format, "virtual_size": source.size}
        return {**inspect_source(source, specialized=specialized, timeout=timeout), "disk": disk}


def inspect_source(source: Source, *, specialized: bool = False, timeout: float = 60) -> dict[str, Any]:
    """Look into an open disk of any format."""
    began = time.monotonic()
    found = contain.inspect(source, specialized=specialized, timeout=timeout)
    source.verify_unchanged()
    for key, default in (("problems", []), ("checks", []), ("os", {"family": "unknown"}), ("agents", {})):
        found.setdefault(key, default)
    results = Counter(each["result"] for each in found["checks"])
    counts = {name: results[name] for name in ("pass", "fail", "unknown", "not applicable")}
    return {**found, "counts": counts, "seconds": round(time.monotonic() - began, 3)}

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk or page blob says of its own content: tags of the one, metadata of the other.

``goldenimage_content`` holds the fingerprint of the data. It is written last: until then it says ``incomplete``, so an
upload that broke off is never taken for one that finished. ``goldenimage_source`` tells where it comes from, when that
is not a file.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT = "goldenimage_content"
SOURCE = "goldenimage_source"
INCOMPLETE = "incomplete"
COPIED = "copied"
"""In place of the fingerprint of a complete copy whose bytes nobody here has seen."""
AS_IN_FILE = "as in the file"
"""What a difference says of content that is, or shall be, that of the file or source."""


def of_source(identity: str | None) -> str | None:
    """Return the mark of a source, by what identifies its content."""
    return hashlib.sha256(identity.encode()).hexdigest() if identity else None


def made(content: str | None, source: str | None) -> dict[str, str]:
    """Return the marks of data.

    :param content: its fingerprint, ``INCOMPLETE`` or ``COPIED``.
    :param source: the mark of where it comes from.
    """
    marks = {CONTENT: content, SOURCE: source}
    return {name: mark for name, mark in marks.items() if mark}


def fingerprint(marks: Mapping[str, str] | None) -> str | None:
    """Return the fingerprint of complete data; ``None`` where there is none."""
    content = (marks or {}).get(CONTENT)
    return None if content in (INCOMPLETE, COPIED) else content


def without(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return the user's own tags."""
    return {name: text for name, text in (tags or {}).items() if name not in (CONTENT, SOURCE)}

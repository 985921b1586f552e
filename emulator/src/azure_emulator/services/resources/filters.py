# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``$filter`` means in lists of groups and resources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from azure_emulator.core import ids

if TYPE_CHECKING:
    from azure_emulator.core.store import Doc

_EQUAL = re.compile(r"(\w+)\s+(eq|ne)\s+'([^']*)'")
_PART = re.compile(r"substringof\(\s*'([^']*)'\s*,\s*(\w+)\s*\)")


def passes(doc: Doc, wanted: str) -> bool:
    """Whether a resource passes a filter on type, name, group, location or tag."""
    values = {
        "resourcetype": doc["type"],
        "name": doc["name"],
        "location": doc["location"],
        "resourcegroup": ids.parse(doc["id"]).group,
    }
    values = {name: str(value).lower() for name, value in values.items()}
    for name, operator, value in _EQUAL.findall(wanted):
        if name.lower() in values and (values[name.lower()] == value.lower()) != (operator == "eq"):
            return False
    for value, name in _PART.findall(wanted):
        if name.lower() in values and value.lower() not in values[name.lower()]:
            return False
    return tagged(doc, wanted)


def tagged(doc: Doc, wanted: str) -> bool:
    """Whether a document has the tag that a filter names."""
    tags = {key.lower(): value for key, value in doc.get("tags", {}).items()}
    name = re.search(r"tagName eq '([^']*)'", wanted, re.IGNORECASE)
    value = re.search(r"tagValue eq '([^']*)'", wanted, re.IGNORECASE)
    if name and name[1].lower() not in tags:
        return False
    return not (name and value) or tags[name[1].lower()] == value[1]


def names_tag(wanted: str) -> bool:
    """Lists that are filtered by a tag show no tags, and nothing that was asked to be expanded [published traffic]."""
    return "tagname" in wanted.lower()

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Azure made up while a scenario was recorded (disk names, ids), and what stands there in our answers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.recording import Exchange

RECORDED_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SHORTEST = 6
# Recordings have lost their secrets; any that Azure would take will do. The key is not anybody's.
_PASSWORD = "Replayed-12345"
_KEY = f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB{'A' * 344} replayed"


class Translation:
    """Learns from pairs of answers; puts our names into recorded requests."""

    def __init__(self, subscription: str) -> None:
        self._known = {RECORDED_SUBSCRIPTION: subscription}
        self._asked = ""

    def path(self, path: str) -> str:
        """A recorded path, as it must be asked here."""
        self._asked += path.lower() + "\n"
        return self._translate(path)

    def query(self, query: dict[str, str]) -> dict[str, str]:
        return {name: self._translate(value) for name, value in query.items()}

    def body(self, request: Any) -> str:
        """A recorded body, as it must be sent here."""
        text = json.dumps(request)
        self._asked += text.lower() + "\n"
        text = re.sub(r'("keyData": )"REDACTED"', lambda found: f'{found[1]}"{_KEY}"', text, flags=re.IGNORECASE)
        return self._translate(text.replace('"REDACTED"', f'"{_PASSWORD}"'))

    def learn(self, exchange: Exchange, ours: Any) -> None:
        """Note what stands in the same place of both answers and was made up by Azure."""
        for key, theirs, mine in _pairs("", exchange.response, ours):
            if theirs.startswith("/") or key.lower() == "name" or _GUID.fullmatch(theirs):
                self._learn(theirs.split("/"), mine.split("/"))

    def _learn(self, theirs: list[str], mine: list[str]) -> None:
        if len(theirs) != len(mine):
            return
        for one, other in zip(theirs, mine, strict=True):
            chosen_by_client = one.lower() in self._asked and not _GUID.fullmatch(one)
            if len(one) >= _SHORTEST and one.lower() != other.lower() and not chosen_by_client:
                self._known.setdefault(one, other)

    def _translate(self, text: str) -> str:
        for recorded in sorted(self._known, key=len, reverse=True):
            ours = self._known[recorded].replace("\\", r"\\")
            text = re.sub(re.escape(recorded), ours, text, flags=re.IGNORECASE)
        return text


def _pairs(key: str, recorded: Any, ours: Any) -> Iterator[tuple[str, str, str]]:
    """``(key, recorded text, our text)`` for each place that both answers have."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for name in recorded.keys() & ours.keys() - {"tags"}:
            yield from _pairs(name, recorded[name], ours[name])
    elif isinstance(recorded, list) and isinstance(ours, list):
        for one, other in _members(recorded, ours):
            yield from _pairs(key, one, other)
    elif isinstance(recorded, str) and isinstance(ours, str):
        yield key, recorded, ours


def _members(recorded: list[Any], ours: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Members of the same name belong together, the others by their place."""
    rest = list(ours)
    unnamed = []
    for one in recorded:
        name = one.get("name") if isinstance(one, dict) else None
        found = next((o for o in rest if isinstance(o, dict) and name and o.get("name") == name), None)
        if found is None:
            unnamed.append(one)
        else:
            rest.remove(found)
            yield one, found
    yield from zip(unnamed, rest, strict=False)

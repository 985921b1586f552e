# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted against found, as one difference. ``changed``, check mode and diff come from it and from nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

Action = Literal["none", "create", "update", "delete", "act"]
Change = tuple[Any, Any]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What a task is going to do, or would do in check mode.

    Values are JSON values and never secrets: all of them may be shown.

    :param action: ``act`` is a verb (generalize, restart) that is not a difference of properties.
    :param changes: for ``update`` and ``act``: dotted path to (before, after); an absent value is ``None``.
    :param before: what the diff shows as found.
    :param after: what the diff shows as wanted.
    """

    action: Action
    changes: dict[str, Change] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    description: str | None = None

    @property
    def changed(self) -> bool:
        return self.action != "none"

    @property
    def diff(self) -> dict[str, Any]:
        """Ansible's diff of JSON values, sorted, so that it is the same on each run."""
        return {"before": _sorted(self.before), "after": _sorted(self.after)}

    @classmethod
    def between(
        cls,
        found: Mapping[str, Any] | None,
        wanted: Mapping[str, Any] | None,
        *,
        immutable: Iterable[str] = (),
        case_insensitive: Iterable[str] = (),
        exact: Iterable[str] = ("tags",),
        keys: Mapping[str, str] | None = None,
    ) -> Plan:
        """Compare what is with what shall be.

        Only what is wanted is compared; a wanted ``None`` means "not stated". Nested mappings are compared the same
        way; lists are compared whole, item by item.

        :param found: ``None``: does not exist.
        :param wanted: ``None``: shall not exist.
        :param immutable: dotted paths (``*`` stands for one part) that only a new resource can have otherwise; the
            path of a mapping or list covers everything in it.
        :param case_insensitive: dotted paths of text in which case has no meaning (ARM ids, locations).
        :param exact: paths of mappings in which a found key that is not wanted is a difference.
        :param keys: path of a list to the key that identifies its items; without one the position does.
        :raises InvalidInput: naming every immutable property that would have to change.
        """
        if found is None and wanted is None:
            return cls("none")
        if found is None:
            return cls("create", after=_stated(wanted))
        if wanted is None:
            return cls("delete", before=dict(found))
        comparison = _Comparison(_split(case_insensitive), _split(exact), dict(keys or {}))
        comparison.mappings((), found, wanted)
        changes = dict(sorted(comparison.changes.items()))
        dotted = {".".join(path): change for path, change in changes.items()}
        _refuse_immutable({".".join(path): changes[path] for path in changes if _inside(path, _split(immutable))})
        return cls(
            "update" if changes else "none",
            dotted,
            _nested({path: old for path, (old, new) in changes.items()}),
            _nested({path: new for path, (old, new) in changes.items()}),
        )

    @classmethod
    def act(cls, description: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Plan:
        """A verb: what the resource's state is and what it becomes. The same state means there is nothing to do."""
        changes = {
            key: (before.get(key), after.get(key))
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        }
        action: Action = "act" if changes else "none"
        return cls(action, changes, dict(before), dict(after), description)

    @classmethod
    def nothing(cls) -> Plan:
        """For what only reads."""
        return cls("none")


def merge_tags(
    found: Mapping[str, str] | None, wanted: Mapping[str, Any] | None, *, append: bool
) -> dict[str, str] | None:
    """All tags the resource shall have; ``None`` when no tags were stated. Values become text, as Azure has them.

    Azure compares the names of tags without regard to case and keeps the spelling it was first given.
    """
    if wanted is None:
        return None
    merged = dict(found or {}) if append else {}
    spelling = {name.casefold(): name for name in found or {}}
    for name, value in wanted.items():
        merged[spelling.get(name.casefold(), name)] = _tag_text(value)
    return merged


def _tag_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


class _Comparison:
    """Collects the differences: path to (before, after)."""

    def __init__(self, case_insensitive: set[Path], exact: set[Path], keys: dict[str, str]) -> None:
        self.changes: dict[Path, Change] = {}
        self._case_insensitive = case_insensitive
        self._exact = exact
        self._keys = keys

    def mappings(self, path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        for key, value in wanted.items():
            if value is not None:
                self.values((*path, key), found.get(key), value)
        if _is(path, self._exact):
            for key in found.keys() - wanted.keys():
                self.changes[*path, key] = (found[key], None)

    def values(self, path: Path, found: Any, wanted: Any) -> None:
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            self.mappings(path, found, wanted)
        elif _is_list(wanted) and _is_list(found):
            self._lists(path, found, wanted)
        elif not self._equal(path, found, wanted) and not (found is None and wanted in ({}, [])):
            self.changes[path] = (found, _stated(wanted))

    def _lists(self, path: Path, found: Sequence[Any], wanted: Sequence[Any]) -> None:
        have, want = self._items(path, found), self._items(path, wanted)
        for name in {**want, **have}:
            if name in want:
                self.values((*path, name), have.get(name), want[name])
            else:
                self.changes[*path, name] = (have[name], None)

    def _items(self, path: Path, items: Sequence[Any]) -> dict[str, Any]:
        key = self._keys.get(".".join(path))
        return {str(position if key is None else item[key]): item for position, item in enumerate(items)}

    def _equal(self, path: Path, found: Any, wanted: Any) -> bool:
        if isinstance(found, str) and isinstance(wanted, str) and _is(path, self._case_insensitive):
            return found.casefold() == wanted.casefold()
        return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _refuse_immutable(refused: Mapping[str, Change]) -> None:
    if refused:
        listed = "; ".join(f"{path} (is {_show(old)}, wanted {_show(new)})" for path, (old, new) in refused.items())
        raise InvalidInput(
            f"This cannot be changed on a resource that exists: {listed}.",
            remedy="State the present value, choose another name, or remove the resource first.",
            immutable=list(refused),
        )


def _split(paths: Iterable[str]) -> set[Path]:
    return {tuple(path.split(".")) for path in paths}


def _is(path: Path, patterns: set[Path]) -> bool:
    return any(
        len(pattern) == len(path) and all(expected in ("*", part) for expected, part in zip(pattern, path, strict=True))
        for pattern in patterns
    )


def _inside(path: Path, patterns: set[Path]) -> bool:
    return any(_is(path[:length], patterns) for length in range(1, len(path) + 1))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _stated(value: Any) -> Any:
    """The value without what was not stated."""
    if isinstance(value, Mapping):
        return {key: _stated(item) for key, item in value.items() if item is not None}
    return [_stated(item) for item in value] if _is_list(value) else value


def _nested(flat: Mapping[Path, Any]) -> dict[str, Any]:
    """``{("a", "b"): 1}`` as ``{"a": {"b": 1}}``; items of lists are shown by their position or key."""
    tree: dict[str, Any] = {}
    for (*parents, last), value in flat.items():
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        if value is not None:
            node[last] = value
    return tree


def _sorted(value: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(value, sort_keys=True))
    return result


def _show(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, sort_keys=True)

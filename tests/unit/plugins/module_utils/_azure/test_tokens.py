# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.tokens import MARGIN, TokenCache, key_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "tokens.json"


def later(seconds: int = 3600) -> int:
    return int(time.time()) + seconds


def test_keeps_and_forgets(path: Path) -> None:
    expires = later()
    TokenCache(path).put("k", "t", expires)
    TokenCache(path).put("l", "u", expires)
    assert TokenCache(path).get("k") == ("t", expires)
    TokenCache(path).forget("k")
    assert TokenCache(path).get("k") is None
    assert TokenCache(path).get("l") == ("u", expires)


def test_is_private_and_leaves_nothing_beside_it(path: Path) -> None:
    TokenCache(path).put("k", "t", later())
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_token_near_its_end_is_not_given(path: Path) -> None:
    TokenCache(path).put("k", "t", later(MARGIN - 10))
    assert TokenCache(path).get("k") is None


def test_expired_ones_are_dropped(path: Path) -> None:
    TokenCache(path).put("old", "x-old-x", later(-10))
    TokenCache(path).put("new", "t", later())
    assert "x-old-x" not in path.read_text()


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o602])
def test_a_file_that_others_can_touch_is_not_used(path: Path, mode: int) -> None:
    TokenCache(path).put("k", "t", later())
    path.chmod(mode)
    assert TokenCache(path).get("k") is None


@pytest.mark.parametrize("content", ["", "[", "[]", "7", '{"k": 1}', '{"k": ["t", "soon"]}', '{"k": []}'])
def test_nonsense_is_as_good_as_empty(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o600)
    cache = TokenCache(path)
    assert cache.get("k") is None
    cache.put("k", "t", later())
    assert cache.get("k")


def test_a_folder_that_is_not_there_is_only_slower(tmp_path: Path) -> None:
    cache = TokenCache(tmp_path / "absent" / "tokens")
    cache.put("k", "t", later())
    assert cache.get("k") is None


def test_keys_differ_by_every_part_and_hide_them() -> None:
    keys = {key_for(tenant="t", secret=secret, scopes=scope) for secret in ("a", "b", None) for scope in ("x", "y")}
    assert len(keys) == 6
    assert key_for(a="1", b="2") == key_for(b="2", a="1")
    assert "hunter2" not in key_for(secret="hunter2")

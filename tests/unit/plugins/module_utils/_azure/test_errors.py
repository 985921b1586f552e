# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import (
    REMEDIES,
    AzureError,
    ErrorBody,
    find_remedy,
    from_response,
    redact,
    sdk_import,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import MissingDependency


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": "C", "message": "m"}}, "C", "m"),
        ({"code": "C", "message": "m"}, "C", "m"),
        ({"Error": {"Code": "C", "Message": "m"}}, "C", "m"),
        ({"error": "invalid_client", "error_description": "AADSTS1: x"}, "invalid_client", "AADSTS1: x"),
        ({"error": {"code": None, "message": 7}}, "", ""),
        ({"error": None}, "", ""),
        ({}, "", ""),
        (None, "", ""),
        ([], "", ""),
        ("text", "", ""),
    ],
)
def test_bodies(body: Any, code: str, message: str) -> None:
    parsed = ErrorBody.parse(body)
    assert (parsed.code, parsed.message) == (code, message)


def test_details() -> None:
    body = {"error": {"code": "C", "message": "m", "details": [{"code": "D", "message": "n", "target": "t"}, {}, None]}}
    assert ErrorBody.parse(body).details == [{"code": "D", "message": "n"}]
    text = str(from_response("x", 409, {}, body))
    assert text.startswith("Could not x: C: m. (D: n.)")


def test_signatures_do_not_show() -> None:
    text = "source https://md-1.blob/abcd?sv=1&sig=abc%2Bdef%3D&se=2 failed; SIG=xyz"
    assert redact(text) == "source https://md-1.blob/abcd?sv=1&sig=***&se=2 failed; SIG=***"
    assert "abc%2B" not in str(from_response("x", 400, {}, {"error": {"code": "C", "message": text}}))


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (ErrorBody("OperationNotAllowed", "x", [{"code": "TooManyRequests", "message": ""}]), 429, "forks"),
        (ErrorBody("OperationNotAllowed", "Disk d is attached to VM /v."), 409, "Detach"),
        (ErrorBody("OperationNotAllowed", "Operation results in exceeding quota limits of Core."), 409, "quota"),
        (ErrorBody("X"), 401, "tenant"),
        (ErrorBody("X"), 403, "role"),
        (ErrorBody("X"), 429, "forks"),
    ],
)
def test_remedies(body: ErrorBody, status: int, part: str) -> None:
    assert part in (find_remedy(body, status) or "")


def test_no_remedy_is_made_up() -> None:
    assert find_remedy(ErrorBody("SomethingNew", "x"), 400) is None


def test_remedies_are_sentences() -> None:
    for code, remedy in REMEDIES.items():
        assert remedy.endswith((".", "<urn>.", "<namespace>.")), code


def test_an_answer_without_a_body() -> None:
    assert str(AzureError("read x", ErrorBody(), status=502)) == "Could not read x: HTTP 502 without explanation."


def test_missing_sdk() -> None:
    with pytest.raises(MissingDependency, match=r"azure_that_is_not_there.*requirements\.txt"), sdk_import():
        import azure_that_is_not_there  # noqa: F401

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions on texts."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from typing import Any
from urllib.parse import quote, unquote, urljoin

from azure_emulator.services.deployments.language.errors import MAX_SIZE, cannot, check_size, expects
from azure_emulator.services.deployments.language.hashing import murmur64, unique_text
from azure_emulator.services.deployments.language.table import Arguments, function, items, text, whole

_GUID_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_HOLE = re.compile(r"\{\{|\}\}|\{(\d{1,4})(?:,(-?\d{1,4}))?(?::([^{}]*))?\}|[{}]")


def shown(value: Any) -> str:
    """A value as ``string()`` writes it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@function("toLower", 1)
def _to_lower(arguments: Arguments) -> str:
    return text("toLower", arguments[0]).lower()


@function("toUpper", 1)
def _to_upper(arguments: Arguments) -> str:
    return text("toUpper", arguments[0]).upper()


@function("trim", 1)
def _trim(arguments: Arguments) -> str:
    return text("trim", arguments[0]).strip()


@function("string", 1)
def _string(arguments: Arguments) -> str:
    return shown(arguments[0])


@function("replace", 3)
def _replace(arguments: Arguments) -> str:
    whole_text, old, new = (text("replace", argument) for argument in arguments)
    if not old:
        raise cannot("replace", "the text to be replaced must not be empty.")
    if len(whole_text) + whole_text.count(old) * len(new) > MAX_SIZE:
        raise cannot("replace", "the result is too long.")
    return whole_text.replace(old, new)


@function("substring", 2, 3)
def _substring(arguments: Arguments) -> str:
    value, start = text("substring", arguments[0]), whole("substring", arguments[1])
    length = whole("substring", arguments[2]) if len(arguments) > 2 else len(value) - start
    if start < 0 or start > len(value):
        raise cannot(
            "substring",
            f"the index parameter cannot be less than zero or larger than the length of the string. The index parameter: "
            f"'{start}', the length of the string parameter: '{len(value)}'.",
        )
    if length < 0 or start + length > len(value):
        raise cannot(
            "substring",
            "the index and length parameters must refer to a location within the string. The index parameter: "
            f"'{start}', the length parameter: '{length}', the length of the string parameter: '{len(value)}'.",
        )
    return value[start : start + length]


@function("split", 2)
def _split(arguments: Arguments) -> list[str]:
    value = text("split", arguments[0])
    marks = arguments[1] if isinstance(arguments[1], list) else [arguments[1]]
    wanted = [re.escape(mark) for given in marks if (mark := text("split", given))]
    return re.split("|".join(wanted), value) if wanted else [value]


@function("join", 2)
def _join(arguments: Arguments) -> str:
    return text("join", arguments[1]).join(shown(item) for item in items("join", arguments[0]))


@function("startsWith", 2)
def _starts(arguments: Arguments) -> bool:
    return text("startsWith", arguments[0]).lower().startswith(text("startsWith", arguments[1]).lower())


@function("endsWith", 2)
def _ends(arguments: Arguments) -> bool:
    return text("endsWith", arguments[0]).lower().endswith(text("endsWith", arguments[1]).lower())


@function("padLeft", 2, 3)
def _pad(arguments: Arguments) -> str:
    if isinstance(arguments[0], bool) or not isinstance(arguments[0], (str, int)):
        raise expects("padLeft", "a string or an integer", arguments[0])
    width = whole("padLeft", arguments[1])
    fill = text("padLeft", arguments[2]) if len(arguments) > 2 else " "
    if not 0 <= width <= 16_384 or len(fill) != 1:
        raise cannot("padLeft", "the length must be from 0 to 16384, and the padding one character.")
    return shown(arguments[0]).rjust(width, fill)


@function("format", 1, None)
def _format(arguments: Arguments) -> str:
    values = arguments[1:]

    def fill(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None or int(found[1]) >= len(values):
            raise cannot("format", "the format string does not match the number of arguments.")
        value = _formatted(values[int(found[1])], found[3] or "")
        width = int(found[2] or 0)
        return value.ljust(-width) if width < 0 else value.rjust(width)

    return check_size(_HOLE.sub(fill, text("format", arguments[0])))


def _formatted(value: Any, how: str) -> str:
    """The numeric formats that templates use: ``D3``, ``X2``, ``N0``, ``000``."""
    if isinstance(value, bool) or not isinstance(value, int) or not how:
        return shown(value)
    digits = min(int(how[1:]), 99) if how[1:].isascii() and how[1:].isdigit() else 0
    sign = "-" if value < 0 else ""
    if how[0] in "dD":
        return f"{sign}{abs(value):0{digits}d}"
    if how[0] in "xX":
        return f"{value & (2**64 - 1) if value < 0 else value:0{digits}{how[0]}}"
    if how[0] in "nN":
        return f"{value:,.{digits if how[1:] else 2}f}"
    return f"{sign}{abs(value):0{min(len(how), 99)}d}" if set(how) == {"0"} else shown(value)


@function("base64", 1)
def _base64(arguments: Arguments) -> str:
    return base64.b64encode(_bytes("base64", arguments[0])).decode()


@function("base64ToString", 1)
def _from_base64(arguments: Arguments) -> str:
    try:
        return base64.b64decode(text("base64ToString", arguments[0]), validate=True).decode()
    except (binascii.Error, ValueError):
        raise cannot("base64ToString", "the value is not a valid base64 encoded string.") from None


@function("base64ToJson", 1)
def _base64_to_json(arguments: Arguments) -> Any:
    return _json([_from_base64(arguments)])


@function("json", 1)
def _json(arguments: Arguments) -> Any:
    try:
        value = json.loads(text("json", arguments[0]), parse_constant=_refuse)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise cannot("json", "the value provided is not valid JSON.") from None
    return check_size(value)


def _refuse(name: str) -> None:
    raise ValueError(name)


@function("dataUri", 1)
def _data_uri(arguments: Arguments) -> str:
    encoded = base64.b64encode(_bytes("dataUri", arguments[0])).decode()
    return f"data:text/plain;charset=utf8;base64,{encoded}"


@function("dataUriToString", 1)
def _data_uri_to_string(arguments: Arguments) -> str:
    head, comma, data = text("dataUriToString", arguments[0]).partition(",")
    if not head.startswith("data:") or not comma:
        raise cannot("dataUriToString", "the value is not a valid data URI.")
    return _from_base64([data]) if head.endswith(";base64") else unquote(data, errors="replace")


@function("uri", 2)
def _uri(arguments: Arguments) -> str:
    try:
        return urljoin(text("uri", arguments[0]), text("uri", arguments[1]))
    except ValueError:
        raise cannot("uri", "the base value is not a valid URI.") from None


@function("uriComponent", 1)
def _uri_component(arguments: Arguments) -> str:
    return quote(_bytes("uriComponent", arguments[0]), safe="")


@function("uriComponentToString", 1)
def _from_uri_component(arguments: Arguments) -> str:
    return unquote(text("uriComponentToString", arguments[0]), errors="replace")


@function("uniqueString", 1, None)
def _unique_string(arguments: Arguments) -> str:
    return unique_text(_together("uniqueString", arguments))


@function("guid", 1, None)
def _guid(arguments: Arguments) -> str:
    joined = _together("guid", arguments).decode()
    return str(uuid.uuid5(_GUID_NAMESPACE, joined))


def template_hash(template: Any) -> str:
    """A number that is the same for the same template; Azure's own form of the text is not known [guessed]."""
    return str(murmur64(json.dumps(template, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")))


def _together(name: str, arguments: Arguments) -> bytes:
    return _bytes(name, "-".join(text(name, argument) for argument in arguments))


def _bytes(name: str, value: Any) -> bytes:
    return text(name, value).encode(errors="replace")

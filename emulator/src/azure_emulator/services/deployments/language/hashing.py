# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash behind ``uniqueString``: a 64-bit relative of MurmurHash3, written in 13 letters of base 32."""

from __future__ import annotations

_M = 0xFFFFFFFF
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def murmur64(data: bytes) -> int:
    """The hash of bytes."""
    one = two = 0
    end = len(data) - len(data) % 8
    for at in range(0, end, 8):
        one = _turn(one ^ _first(data[at : at + 4]), 19)
        one = ((one + two) * 5 + 0x561CCD1B) & _M
        two = _turn(two ^ _second(data[at + 4 : at + 8]), 13)
        two = ((two + one) * 5 + 0x0BCAA747) & _M
    if data[end:]:
        one ^= _first(data[end : end + 4])
    if data[end + 4 :]:
        two ^= _second(data[end + 4 :])
    one, two = one ^ len(data), two ^ len(data)
    one = (one + two) & _M
    two = (two + one) & _M
    one, two = _mixed(one), _mixed(two)
    one = (one + two) & _M
    two = (two + one) & _M
    return two << 32 | one


def unique_text(data: bytes) -> str:
    """13 lower-case letters and digits."""
    value = murmur64(data)
    return "".join(_LETTERS[(value << 5 * at & (2**64 - 1)) >> 59] for at in range(13))


def _first(part: bytes) -> int:
    return _turn(int.from_bytes(part, "little") * 0x239B961B & _M, 15) * 0xAB0E9789 & _M


def _second(part: bytes) -> int:
    return _turn(int.from_bytes(part, "little") * 0xAB0E9789 & _M, 17) * 0x239B961B & _M


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _M


def _mixed(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B & _M
    value = (value ^ value >> 13) * 0xC2B2AE35 & _M
    return value ^ value >> 16

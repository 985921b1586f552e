# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when systems are supported by those who make them, for everybody and without a contract.

Dates from the makers' life cycle pages (Debian LTS, Ubuntu standard support, Red Hat's maintenance phase, …).
"""

from __future__ import annotations

ENDS: dict[tuple[str, str], str] = {
    ("debian", "9"): "2022-06-30",
    ("debian", "10"): "2024-06-30",
    ("debian", "11"): "2026-08-31",
    ("debian", "12"): "2028-06-30",
    ("debian", "13"): "2030-06-30",
    ("ubuntu", "16.04"): "2021-04-30",
    ("ubuntu", "18.04"): "2023-05-31",
    ("ubuntu", "20.04"): "2025-05-31",
    ("ubuntu", "22.04"): "2027-04-30",
    ("ubuntu", "24.04"): "2029-04-30",
    ("rhel", "6"): "2020-11-30",
    ("rhel", "7"): "2024-06-30",
    ("rhel", "8"): "2029-05-31",
    ("rhel", "9"): "2032-05-31",
    ("rhel", "10"): "2035-05-31",
    ("centos", "6"): "2020-11-30",
    ("centos", "7"): "2024-06-30",
    ("centos", "8"): "2021-12-31",
    ("centos", "9"): "2027-05-31",
    ("almalinux", "8"): "2029-03-31",
    ("almalinux", "9"): "2032-05-31",
    ("rocky", "8"): "2029-05-31",
    ("rocky", "9"): "2032-05-31",
    ("ol", "7"): "2024-12-31",
    ("ol", "8"): "2029-07-31",
    ("ol", "9"): "2032-06-30",
    ("sles", "12.5"): "2024-10-31",
    ("sles", "15.5"): "2024-12-31",
    ("sles", "15.6"): "2025-12-31",
    ("mariner", "1.0"): "2023-07-31",
    ("mariner", "2.0"): "2025-07-31",
}


def ends(system: str, version: str) -> str | None:
    """Return the last day of support (ISO date); ``None`` when it is not known."""
    return ENDS.get((system, version)) or ENDS.get((system, version.partition(".")[0]))

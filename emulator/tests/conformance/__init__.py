# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the local Azure agrees with recorded Azure traffic, and the list of all operations that is made of it.

``recording`` reads scenarios, ``replay`` repeats them, ``compare`` says where answers differ, ``report`` prints that,
``coverage`` writes ``COVERAGE.md``. ``python -m conformance DIR`` (with emulator/src and emulator/tests on the path).
"""

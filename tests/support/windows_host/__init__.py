# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Windows machine for tests: it answers what Ansible's own Windows modules ask, from a model in a JSON file.

See README.md for what it proves and what it does not. Nothing of it is in the collection's artifact.
"""

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expression language of templates: ``[concat(parameters('a'), '-', copyIndex())]`` to a tree, and to a value.

`syntax` reads, `evaluate` computes, the other modules hold the functions. It knows nothing of Azure but the shapes of
values: whatever needs the world (``reference``, ``resourceGroup``) is given to the evaluator from outside.
"""

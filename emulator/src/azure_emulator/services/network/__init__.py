# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft.Network, as much as machines need: virtual networks, interfaces, public addresses, security groups.

For the compute service: `attachment.attach`, `attachment.detach` and `attachment.check_free`.
"""

from __future__ import annotations

from azure_emulator.services.network import (
    balancer_parts,
    balancers,
    interfaces,
    networks,
    public_addresses,
    queries,
    security_groups,
)

ROUTES = [
    *networks.ROUTES,
    *interfaces.ROUTES,
    *public_addresses.ROUTES,
    *security_groups.ROUTES,
    *balancers.ROUTES,
    *balancer_parts.ROUTES,
    *queries.ROUTES,
]

# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provisioning CD: ovf-env.xml on a disc that is both UDF and ISO 9660, as Azure attaches it at the first boot."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from azure_emulator.guests.model import Guest

OVF_ENVIRONMENT = """<?xml version="1.0" encoding="utf-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1"
  xmlns:oe="http://schemas.dmtf.org/ovf/environment/1" xmlns:wa="http://schemas.microsoft.com/windowsazure">
  <wa:ProvisioningSection>
    <wa:Version>1.0</wa:Version>
    <LinuxProvisioningConfigurationSet xmlns="http://schemas.microsoft.com/windowsazure">
      <ConfigurationSetType>LinuxProvisioningConfiguration</ConfigurationSetType>
{settings}
    </LinuxProvisioningConfigurationSet>
  </wa:ProvisioningSection>
  <wa:PlatformSettingsSection>
    <wa:Version>1.0</wa:Version>
    <wa:PlatformSettings>
      <wa:KmsServerHostname>kms.core.windows.net</wa:KmsServerHostname>
      <wa:ProvisionGuestAgent>true</wa:ProvisionGuestAgent>
      <wa:PreprovisionedVm>false</wa:PreprovisionedVm>
    </wa:PlatformSettings>
  </wa:PlatformSettingsSection>
</Environment>
"""


def ovf_environment(guest: Guest) -> str:
    settings = {"HostName": guest.computer_name, "UserName": guest.admin_username}
    if guest.admin_password is not None:
        settings["UserPassword"] = guest.admin_password
    settings["DisableSshPasswordAuthentication"] = str(guest.admin_password is None).lower()
    if guest.custom_data is not None:
        settings["CustomData"] = base64.b64encode(guest.custom_data).decode()
    lines = [f"      <{name}>{escape(value)}</{name}>" for name, value in settings.items()]
    return OVF_ENVIRONMENT.format(settings="\n".join(lines))


def write_provisioning_cd(guest: Guest, target: Path) -> None:
    """Write the disc image to ``target``; it may hold a password, so only its owner can read it."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        (Path(scratch) / "ovf-env.xml").write_text(ovf_environment(guest))
        target.touch(mode=0o600)
        options = ["-quiet", "-udf", "-iso-level", "3", "-V", "BOOT", "-J", "-r"]
        subprocess.run(["genisoimage", *options, "-o", target, scratch], check=True, capture_output=True)

# goldenimage.azure script: windows_prepare/capability
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs one optional capability of Windows, and says whether a restart is needed.
[CmdletBinding(SupportsShouldProcess)]
param ([Parameter(Mandatory)][string]$Name)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $true

if ($PSCmdlet.ShouldProcess($Name, 'install')) {
    $Ansible.Result = @{ restart = [bool](Add-WindowsCapability -Online -Name $Name).RestartNeeded }
}

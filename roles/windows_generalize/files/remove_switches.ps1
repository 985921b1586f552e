# goldenimage.azure script: windows_generalize/remove_switches
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Deletes all virtual switches of Hyper-V. A switch that has the network card of this machine takes the connection along.
[CmdletBinding()]
param ()
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$switches = @(Get-VMSwitch)
foreach ($one in $switches) {
    Remove-VMSwitch -VMSwitch $one -Force
    $Ansible.Changed = $true
}
$Ansible.Result = @{ removed = @($switches | ForEach-Object { $_.Name }) }

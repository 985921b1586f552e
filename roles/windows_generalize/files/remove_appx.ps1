# goldenimage.azure script: windows_generalize/remove_appx
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Removes the packages that the preflight found, each from one user; -User takes a security identifier.
[CmdletBinding()]
param (
    [Parameter(Mandatory)][hashtable[]]$Packages
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$removed = @()
foreach ($one in $Packages) {
    Remove-AppxPackage -Package $one.package -User $one.user
    $Ansible.Changed = $true
    $removed += "$($one.package) of $($one.user)"
}
$Ansible.Result = @{ removed = $removed }

# goldenimage.azure script: windows_generalize/look
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where Sysprep stands, for the role's wait. It only reads, and decides nothing. When no Sysprep is there it looks once
# more after some seconds, because the process may end a moment before its last word is written.
[CmdletBinding()]
param (
    [int]$Settle = 5
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$folder = [IO.Path]::Combine([Environment]::SystemDirectory, 'Sysprep')

function Get-Look {
    $machine = [Microsoft.Win32.RegistryKey]::OpenBaseKey(
        [Microsoft.Win32.RegistryHive]::LocalMachine, [Microsoft.Win32.RegistryView]::Registry64)
    $key = $machine.OpenSubKey('SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State')
    $state = $null
    if ($null -ne $key) { $state = $key.GetValue('ImageState') }
    @{
        image_state   = [string]$state
        succeeded_tag = [IO.File]::Exists([IO.Path]::Combine($folder, 'Sysprep_succeeded.tag'))
        running       = @([Diagnostics.Process]::GetProcessesByName('sysprep')).Count -gt 0
    }
}

$look = Get-Look
if (-not $look.running -and $Settle -gt 0) {
    Start-Sleep -Seconds $Settle
    $look = Get-Look
}
$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$product = Get-CimInstance -ClassName Win32_ComputerSystemProduct
$look.hardware_id = [string]$product.UUID
$look.user = $identity.Name
$look.user_sid = $identity.User.Value
$Ansible.Result = $look

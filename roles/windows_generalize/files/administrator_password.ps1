# goldenimage.azure script: windows_generalize/administrator_password
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Gives the built-in Administrator, whatever it is called, a new password, and lets passwords of local accounts never expire.
[CmdletBinding()]
param (
    [Parameter(Mandatory)][securestring]$Password
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$account = Get-CimInstance -ClassName Win32_UserAccount -Filter "LocalAccount=TRUE AND SID LIKE 'S-1-5-21-%-500'"
$user = [ADSI]"WinNT://$([Environment]::MachineName)/$($account.Name),user"
$user.SetPassword([Net.NetworkCredential]::new('', $Password).Password)
$user.PasswordExpired = 0
$user.SetInfo()
$Ansible.Changed = $true

$program = [IO.Path]::Combine([Environment]::SystemDirectory, 'net.exe')
$null = & $program accounts /maxpwage:unlimited
if ($LASTEXITCODE -ne 0) { throw "net accounts ended with $LASTEXITCODE" }
$Ansible.Result = @{ account = $account.Name }

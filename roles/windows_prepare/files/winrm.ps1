# goldenimage.azure script: windows_prepare/winrm
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes a WinRM listener. For HTTPS without a certificate, one is made for the name of this machine.
[CmdletBinding(SupportsShouldProcess)]
param (
    [Parameter(Mandatory)][ValidateSet('HTTP', 'HTTPS')][string]$Transport,
    [string]$Thumbprint
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $true

if ($PSCmdlet.ShouldProcess("WinRM over $Transport", 'listen')) {
    if ($Transport -eq 'HTTP') {
        $null = Enable-PSRemoting -Force -SkipNetworkProfileCheck
    }
    else {
        if (-not $Thumbprint) {
            $Thumbprint = (New-SelfSignedCertificate -DnsName $env:COMPUTERNAME -CertStoreLocation Cert:\LocalMachine\My).Thumbprint
        }
        Get-ChildItem -Path WSMan:\localhost\Listener | Where-Object { $_.Keys -contains 'Transport=HTTPS' } | Remove-Item -Recurse -Force
        $null = New-Item -Path WSMan:\localhost\Listener -Transport HTTPS -Address * -CertificateThumbPrint $Thumbprint -Force
    }
}

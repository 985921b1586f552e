# goldenimage.azure script: windows_prepare/survey
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Collects what no module reads, and decides nothing. Changes nothing; the task runs it in check mode, too.
[CmdletBinding()]
param (
    [string[]]$RuleNames = @(),
    [string[]]$RuleDisplayNames = @(),
    [string[]]$RuleGroups = @(),
    [int[]]$Ports = @(),
    [string[]]$Capabilities = @()
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

function Get-RuleFact {
    param ([Parameter(Mandatory, ValueFromPipeline)]$Rule)
    process {
        $address = $Rule | Get-NetFirewallAddressFilter
        $port = $Rule | Get-NetFirewallPortFilter
        @{
            name = $Rule.Name
            display_name = $Rule.DisplayName
            group = "$($Rule.Group)"
            enabled = "$($Rule.Enabled)" -eq 'True'
            direction = "$($Rule.Direction)"
            action = "$($Rule.Action)"
            profile = "$($Rule.Profile)"
            edge_traversal = "$($Rule.EdgeTraversalPolicy)"
            remote_address = @($address.RemoteAddress)
            protocol = "$($port.Protocol)"
            local_port = @($port.LocalPort) -join ','
        }
    }
}

$rules = @(
    foreach ($name in $RuleNames) { Get-NetFirewallRule -Name $name -ErrorAction SilentlyContinue }
    foreach ($name in $RuleDisplayNames) { Get-NetFirewallRule -DisplayName $name -ErrorAction SilentlyContinue }
    foreach ($name in $RuleGroups) { Get-NetFirewallRule -Group $name -ErrorAction SilentlyContinue }
)
$running = Get-CimInstance -ClassName Win32_Service -Filter "State = 'Running'"
$owners = foreach ($port in $Ports) {
    foreach ($id in (Get-NetTCPConnection -LocalPort $port -State Listen -ErrorAction SilentlyContinue).OwningProcess | Sort-Object -Unique) {
        @{
            port = $port
            process = "$((Get-Process -Id $id).ProcessName) ($id)"
            services = @($running | Where-Object ProcessId -EQ $id | ForEach-Object Name)
        }
    }
}
$listeners = if ((Get-Service -Name WinRM).Status -eq 'Running') {
    foreach ($one in Get-ChildItem -Path WSMan:\localhost\Listener) {
        $values = @{}
        Get-ChildItem -Path "$($one.PSPath)" | ForEach-Object { $values[$_.Name] = $_.Value }
        @{ transport = $values.Transport; port = [int]$values.Port; enabled = $values.Enabled -eq 'true'; thumbprint = "$($values.CertificateThumbprint)" }
    }
}
$uninstall = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\*', 'HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*'
$system = Get-CimInstance -ClassName Win32_OperatingSystem
# ProductType calls Enterprise multi-session a server.
$kind = (Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion').InstallationType
$disk = Get-Partition -DriveLetter $env:SystemDrive[0] | Get-Disk
$identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()

$Ansible.Result = @{
    caption = $system.Caption
    build = [int]$system.BuildNumber
    edition = if ($kind -eq 'Client') { 'client' } else { 'server' }
    bits = if ([Environment]::Is64BitOperatingSystem) { 64 } else { 32 }
    administrator = $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
    system_drive = $env:SystemDrive
    system_disk_bytes = $disk.Size
    system_disk_partition_style = "$($disk.PartitionStyle)"
    firewall_profiles = @(Get-NetFirewallProfile | ForEach-Object { @{ name = $_.Name; enabled = "$($_.Enabled)" -eq 'True' } })
    firewall_rules = @($rules | Get-RuleFact)
    listeners = @($listeners)
    port_owners = @($owners)
    routes = @(Get-NetRoute -PolicyStore PersistentStore -ErrorAction SilentlyContinue | ForEach-Object {
            @{ destination = $_.DestinationPrefix; gateway = $_.NextHop }
        })
    products = @(Get-ItemProperty -Path $uninstall -ErrorAction SilentlyContinue | Where-Object DisplayName | ForEach-Object {
            @{ name = $_.DisplayName; id = $_.PSChildName; msi = $_.WindowsInstaller -eq 1; uninstall = "$($_.UninstallString)" }
        })
    capabilities = @(foreach ($name in $Capabilities) {
            @{ name = $name; state = "$((Get-WindowsCapability -Online -Name $name).State)" }
        })
}

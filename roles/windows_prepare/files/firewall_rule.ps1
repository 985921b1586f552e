# goldenimage.azure script: windows_prepare/firewall_rule
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes one rule as it should be: enables those of a group or of a name, makes the others anew.
[CmdletBinding(SupportsShouldProcess)]
param (
    [string]$Group,
    [string]$Name,
    [hashtable]$Rule
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $true

if ($Group) {
    Get-NetFirewallRule -Group $Group | Enable-NetFirewallRule
}
elseif ($Name) {
    Enable-NetFirewallRule -Name $Name
}
else {
    Get-NetFirewallRule -DisplayName $Rule.display_name -ErrorAction SilentlyContinue |
        Where-Object { "$($_.Direction)" -eq $Rule.direction } | Remove-NetFirewallRule
    $wanted = @{ DisplayName = $Rule.display_name; Direction = $Rule.direction; Action = $Rule.action; Profile = $Rule.profile; Enabled = 'True' }
    if ($Rule.remote_address) { $wanted.RemoteAddress = $Rule.remote_address }
    if ($Rule.edge_traversal) { $wanted.EdgeTraversalPolicy = $Rule.edge_traversal }
    if ($Rule.protocol) { $wanted.Protocol = $Rule.protocol }
    if ($Rule.local_port) { $wanted.LocalPort = $Rule.local_port }
    $null = New-NetFirewallRule @wanted
}

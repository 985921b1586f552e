# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say who a module acts as, and in which Azure."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  subscription_id:
    description:
      - The subscription, a GUID.
      - Without it E(AZURE_SUBSCRIPTION_ID) counts, then the one of the profile or of Azure CLI, then the only one
        that the identity can see.
    type: str
  client_id:
    description:
      - The application (client) ID of a service principal, or of a user-assigned managed identity.
      - Without it E(AZURE_CLIENT_ID) counts.
    type: str
  secret:
    description:
      - The client secret of the service principal.
      - Without it E(AZURE_SECRET) counts, then E(AZURE_CLIENT_SECRET).
    type: str
  tenant:
    description:
      - The tenant, a GUID or a domain name.
      - Without it E(AZURE_TENANT) counts, then E(AZURE_TENANT_ID).
    type: str
  x509_certificate_path:
    description:
      - File with the certificate of the service principal and its private key, PEM or PKCS12; instead of O(secret).
      - Without it E(AZURE_X509_CERTIFICATE_PATH) counts, then E(AZURE_CLIENT_CERTIFICATE_PATH). A password for the file
        is taken from E(AZURE_CLIENT_CERTIFICATE_PASSWORD).
    type: path
  thumbprint:
    description:
      - The SHA-1 thumbprint of the certificate. It is not needed; when given, it must be that of the file.
      - Without it E(AZURE_THUMBPRINT) counts.
    type: str
  ad_user:
    description:
      - A user of the tenant, without multi-factor authentication. A service principal is the better choice.
      - Without it E(AZURE_AD_USER) counts, then E(AZURE_USERNAME).
    type: str
  password:
    description:
      - The password of O(ad_user).
      - Without it E(AZURE_PASSWORD) counts.
    type: str
  profile:
    description:
      - A section of the file C(credentials) in C(~/.azure) (or in the folder that E(AZURE_CONFIG_DIR) names).
      - Without it E(AZURE_PROFILE) counts, then V(default).
    type: str
  auth_source:
    description:
      - Where the credentials come from.
      - V(auto) takes the first of these that is complete, parameters, environment, credential file, Azure CLI.
      - V(env) takes the environment only, V(credential_file) the file C(credentials) only.
      - V(cli) takes who is logged in with C(az login).
      - V(msi) takes the managed identity of the machine, a user-assigned one by O(client_id).
      - V(workload_identity) exchanges the federated token in the file that E(AZURE_FEDERATED_TOKEN_FILE) names.
      - Parameters that are given have precedence over the same value of any source.
      - Can also be set by E(ANSIBLE_AZURE_AUTH_SOURCE).
    type: str
    choices: [auto, cli, env, credential_file, msi, workload_identity]
    default: auto
  cloud_environment:
    description:
      - Which Azure, V(AzureCloud), V(AzureChinaCloud), V(AzureUSGovernment), or the C(https://) address of the
        management API of any other, which describes itself there.
      - Without it E(AZURE_CLOUD_ENVIRONMENT) counts, then what the profile or Azure CLI says, then V(AzureCloud).
    type: str
  cert_validation_mode:
    description:
      - Certificates are always verified. V(ignore) is refused; to trust a private certificate authority, name its PEM
        file in E(REQUESTS_CA_BUNDLE) or E(SSL_CERT_FILE).
      - Can also be set by E(AZURE_CERT_VALIDATION_MODE).
    type: str
    choices: [validate, ignore]
attributes:
  action_group:
    description: Use C(group/goldenimage.azure.azure) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - goldenimage.azure.azure
requirements:
  - The Python packages of the collection's C(requirements.txt), in the controller's Python or in that of the target.
notes:
  - On the local host the module runs inside the controller, with the controller's Python.
  - The credentials that AWX and automation controller call C(Microsoft Azure Resource Manager) work as they are.
seealso:
  - name: Authentication
    description: Every way to log in, with examples.
    link: https://github.com/goldenimage/goldenimage.azure/blob/main/docs/authentication.md
"""

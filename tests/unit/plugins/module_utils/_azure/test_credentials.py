# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import clouds, errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.credentials import (
    ARGUMENT_SPEC,
    CredentialError,
    Identity,
    find,
    resolve_cloud,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.login import Credential
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .conftest import CLIENT, SECRET, SUBSCRIPTION, TENANT, Answer, FakeAzure

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_profiles(text: str) -> Path:
    path = Path(os.environ["AZURE_CONFIG_DIR"]) / "credentials"
    path.write_text(text)
    return path


def log_in_cli(tmp_path: Path, *subscriptions: Mapping[str, Any], script: str = "exit 1") -> None:
    program = tmp_path / "no-programs" / "az"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    profile = Path(os.environ["AZURE_CONFIG_DIR"]) / "azureProfile.json"
    profile.write_text("\ufeff" + json.dumps({"subscriptions": subscriptions}))  # Azure CLI begins it with a mark


class TestFind:
    def test_nothing_says_what_was_tried(self) -> None:
        with pytest.raises(CredentialError) as caught:
            find({})
        text = str(caught.value)
        for part in ("Parameters", "AZURE_CLIENT_ID", "credentials does not exist", "az is not on PATH", "az login"):
            assert part in text

    def test_parameters(self) -> None:
        found = find({"client_id": CLIENT, "secret": SECRET, "tenant": TENANT, "subscription_id": SUBSCRIPTION})
        assert (found.kind, found.source) == ("secret", "Parameters")

    def test_what_awx_injects(self, environment: pytest.MonkeyPatch) -> None:
        for name, value in {
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_SECRET": SECRET,
            "AZURE_TENANT": TENANT,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_CLOUD_ENVIRONMENT": "AzureUSGovernment",
        }.items():
            environment.setenv(name, value)
        found = find({})
        assert (found.kind, found.source, found.get("subscription_id")) == ("secret", "Environment", SUBSCRIPTION)
        assert resolve_cloud({}, found, ca=None) is clouds.US_GOVERNMENT

    def test_what_awx_injects_for_a_user(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("AZURE_AD_USER", "me@example.org")
        environment.setenv("AZURE_PASSWORD", "pw")
        environment.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
        assert find({}).kind == "user"

    def test_the_names_of_azure_identity(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("AZURE_CLIENT_ID", CLIENT)
        environment.setenv("AZURE_TENANT_ID", TENANT)
        environment.setenv("AZURE_CLIENT_SECRET", SECRET)
        found = find({})
        assert (found.kind, found.get("secret"), found.get("tenant")) == ("secret", SECRET, TENANT)
        environment.setenv("AZURE_SECRET", "the-collection's-name-counts")
        assert find({}).get("secret") == "the-collection's-name-counts"

    def test_certificate_and_federated_token(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("AZURE_CLIENT_ID", CLIENT)
        environment.setenv("AZURE_TENANT_ID", TENANT)
        environment.setenv("AZURE_FEDERATED_TOKEN_FILE", "/token")
        assert find({}).kind == "workload"
        environment.setenv("AZURE_CLIENT_CERTIFICATE_PATH", "/cert.pem")
        assert find({}).kind == "certificate"
        assert find({"auth_source": "workload_identity"}).kind == "workload"

    def test_parameters_complete_the_environment(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("AZURE_SECRET", SECRET)
        environment.setenv("AZURE_SUBSCRIPTION_ID", "other")
        found = find({"client_id": CLIENT, "tenant": TENANT, "subscription_id": SUBSCRIPTION})
        assert (found.source, found.get("subscription_id")) == ("Environment", SUBSCRIPTION)

    def test_missing_parts_are_named(self) -> None:
        with pytest.raises(CredentialError, match="Parameters: tenant is missing"):
            find({"client_id": CLIENT, "secret": SECRET})
        with pytest.raises(CredentialError, match="neither secret nor x509_certificate_path") as caught:
            find({"client_id": CLIENT, "tenant": TENANT})
        assert "names somebody else" in str(caught.value)
        with pytest.raises(CredentialError, match="password is missing"):
            find({"ad_user": "me"})

    def test_managed_identity(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("AZURE_CLIENT_ID", CLIENT)
        found = find({"auth_source": "msi", "subscription_id": SUBSCRIPTION})
        assert (found.kind, dict(found.values)) == ("managed", {"client_id": CLIENT, "subscription_id": SUBSCRIPTION})

    @pytest.mark.parametrize("mode", ["parameter", "profile"])
    def test_unverified_certificates_are_refused(self, mode: str) -> None:
        write_profiles(f"[default]\nclient_id={CLIENT}\nsecret=s%(x\ntenant=t\ncert_validation_mode=ignore\n")
        params = {"client_id": CLIENT, "secret": SECRET, "tenant": TENANT, "cert_validation_mode": "ignore"}
        with pytest.raises(InvalidInput, match=r"cert_validation_mode.*REQUESTS_CA_BUNDLE"):
            find(params if mode == "parameter" else {})

    def test_secrets_are_not_in_the_representation(self) -> None:
        assert SECRET not in repr(find({"client_id": CLIENT, "secret": SECRET, "tenant": TENANT}))

    def test_the_documented_parameters_hide_secrets(self) -> None:
        assert {name for name, spec in ARGUMENT_SPEC.items() if spec.get("no_log")} == {"secret", "password"}


class TestFile:
    TWO = (
        f"[default]\nsubscription_id={SUBSCRIPTION}\nclient_id={CLIENT}\nsecret=100%sure\ntenant={TENANT}\n"
        "[user]\nad_user=me@example.org\npassword=pw\ncloud_environment=AzureChinaCloud\n"
    )

    def test_default(self) -> None:
        write_profiles(self.TWO)
        found = find({})
        assert (found.kind, found.get("secret"), found.get("subscription_id")) == ("secret", "100%sure", SUBSCRIPTION)

    @pytest.mark.parametrize("by", ["parameter", "environment"])
    def test_named(self, by: str, environment: pytest.MonkeyPatch) -> None:
        write_profiles(self.TWO)
        if by == "environment":
            environment.setenv("AZURE_PROFILE", "user")
        found = find({"profile": "user"} if by == "parameter" else {})
        assert (found.kind, found.get("ad_user")) == ("user", "me@example.org")
        assert resolve_cloud({}, found, ca=None) is clouds.CHINA

    def test_a_named_profile_that_is_absent_gives_no_other_identity(self, environment: pytest.MonkeyPatch) -> None:
        write_profiles(self.TWO)
        for name, value in (("CLIENT_ID", CLIENT), ("SECRET", SECRET), ("TENANT", TENANT)):
            environment.setenv(f"AZURE_{name}", value)
        with pytest.raises(CredentialError, match=r"no profile \[prod\]"):
            find({"profile": "prod"})

    def test_a_broken_file_does_not_show_its_lines(self) -> None:
        write_profiles("[default]\nthis-is-a-secret-without-a-name\n")
        with pytest.raises(CredentialError, match="is not an ini file") as caught:
            find({"auth_source": "credential_file"})
        assert "without-a-name" not in str(caught.value)


class TestCli:
    def test_default_subscription(self, tmp_path: Path) -> None:
        log_in_cli(
            tmp_path,
            {"id": "other", "isDefault": False, "tenantId": "x", "environmentName": "AzureCloud"},
            {"id": SUBSCRIPTION, "isDefault": True, "tenantId": TENANT, "environmentName": "AzureUSGovernment"},
        )
        found = find({})
        assert (found.kind, found.get("subscription_id"), found.get("tenant")) == ("cli", SUBSCRIPTION, TENANT)
        assert resolve_cloud({}, found, ca=None) is clouds.US_GOVERNMENT
        assert find({"subscription_id": "other"}).get("tenant") == "x"

    def test_a_cloud_registered_with_the_cli(self, tmp_path: Path, azure: FakeAzure) -> None:
        log_in_cli(tmp_path, {"id": "1", "isDefault": True, "tenantId": TENANT, "environmentName": "local"})
        config = Path(os.environ["AZURE_CONFIG_DIR"]) / "clouds.config"
        config.write_text(f"[local]\nendpoint_resource_manager = {azure.url}\n")
        assert resolve_cloud({}, find({"auth_source": "cli"}), ca=str(azure.ca)).name == "Fake"

    def test_nobody_logged_in(self, tmp_path: Path) -> None:
        log_in_cli(tmp_path)
        with pytest.raises(CredentialError, match="no default subscription"):
            find({"auth_source": "cli"})

    def test_token(self, tmp_path: Path) -> None:
        answer = json.dumps(
            {"accessToken": "from-az", "expiresOn": "2999-01-01 00:00:00.000000", "expires_on": 32472144000}
        )
        log_in_cli(tmp_path, {"id": "1", "isDefault": True, "tenantId": TENANT}, script=f"echo '{answer}'")
        credential = Credential(find({}), clouds.PUBLIC)
        assert credential.get_token(clouds.PUBLIC.scope).token == "from-az"

    def test_expired_login(self, tmp_path: Path) -> None:
        log_in_cli(
            tmp_path,
            {"id": "1", "isDefault": True, "tenantId": TENANT},
            script="echo 'Please run az login' >&2; exit 1",
        )
        with pytest.raises(errors.AuthenticationFailed, match="az login"):
            Credential(find({}), clouds.PUBLIC).get_token(clouds.PUBLIC.scope)


class TestLogin:
    """Each kind of identity through azure-identity to a token endpoint."""

    @pytest.fixture
    def cloud(self, azure: FakeAzure) -> clouds.Cloud:
        return clouds.resolve(azure.url, ca=str(azure.ca))

    def log_in(self, azure: FakeAzure, cloud: clouds.Cloud, kind: str, **values: str) -> dict[str, str]:
        identity = Identity(kind, "Parameters", {"tenant": TENANT, "client_id": CLIENT, **values})
        credential = Credential(identity, cloud, transport=clouds.connections(str(azure.ca)))
        assert credential.get_token(cloud.scope).token == "token-1"
        return dict(parse_qsl(next(got.raw for got in azure.requests if got.path.endswith("/token")).decode()))

    def test_secret(self, azure: FakeAzure, cloud: clouds.Cloud) -> None:
        form = self.log_in(azure, cloud, "secret", secret=SECRET)
        assert (form["grant_type"], form["client_id"], form["client_secret"]) == ("client_credentials", CLIENT, SECRET)
        assert form["scope"].split()[0] == f"{azure.url}/.default"

    def test_certificate(self, azure: FakeAzure, cloud: clouds.Cloud, tmp_path: Path) -> None:
        path, thumbprint = make_client_certificate(tmp_path)
        form = self.log_in(azure, cloud, "certificate", x509_certificate_path=str(path), thumbprint=thumbprint.upper())
        assert form["client_assertion_type"].endswith("jwt-bearer")

    def test_certificate_with_another_thumbprint(self, azure: FakeAzure, cloud: clouds.Cloud, tmp_path: Path) -> None:
        path, _ignored = make_client_certificate(tmp_path)
        with pytest.raises(CredentialError, match="not the given 00ff"):
            self.log_in(azure, cloud, "certificate", x509_certificate_path=str(path), thumbprint="00:FF")

    @pytest.mark.parametrize("content", [None, b"no certificate"])
    def test_certificate_that_is_none(
        self, azure: FakeAzure, cloud: clouds.Cloud, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "cert.pem"
        if content:
            path.write_bytes(content)
        with pytest.raises(CredentialError, match="Parameters"):
            self.log_in(azure, cloud, "certificate", x509_certificate_path=str(path))

    def test_federated_token(self, azure: FakeAzure, cloud: clouds.Cloud, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("federated")
        form = self.log_in(azure, cloud, "workload", federated_token_file=str(tmp_path / "token"))
        assert form["client_assertion"] == "federated"

    def test_user(self, azure: FakeAzure, cloud: clouds.Cloud) -> None:
        form = self.log_in(azure, cloud, "user", ad_user="me@example.org", password="pw")
        assert (form["grant_type"], form["username"], form["password"]) == ("password", "me@example.org", "pw")

    def test_a_user_with_a_wrong_password(self, azure: FakeAzure, cloud: clouds.Cloud) -> None:
        refusal = {"error": "invalid_grant", "error_description": "AADSTS50126: Error validating credentials."}
        azure.on("POST", f"/{TENANT}/oauth2/v2.0/token", Answer(400, refusal))
        with pytest.raises(errors.AuthenticationFailed, match=r"user name or the password is wrong") as caught:
            self.log_in(azure, cloud, "user", ad_user="me@example.org", password="wrong-pw")
        assert "wrong-pw" not in str(caught.value)

    def test_managed_identity(self, azure: FakeAzure, cloud: clouds.Cloud, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("IDENTITY_ENDPOINT", f"{azure.url}/msi")
        environment.setenv("IDENTITY_HEADER", "h")
        answer = {"access_token": "managed", "expires_on": "32472144000", "resource": azure.url, "token_type": "Bearer"}
        azure.on("GET", "/msi", Answer(body=answer))
        identity = Identity("managed", "Managed identity", {"client_id": CLIENT})
        assert (
            Credential(identity, cloud, transport=clouds.connections(str(azure.ca))).get_token(cloud.scope).token
            == "managed"
        )
        assert azure.requests[-1].query["client_id"] == CLIENT

    def test_a_user_of_the_public_cloud_goes_through_azure_identity(self) -> None:
        identity = Identity("user", "Parameters", {"ad_user": "me@example.org", "password": "pw"})
        made = Credential(identity, clouds.PUBLIC)._build()
        assert type(made).__name__ == "UsernamePasswordCredential"

    def test_a_token_endpoint_that_is_not_trusted(self, azure: FakeAzure, cloud: clouds.Cloud) -> None:
        identity = Identity("secret", "Environment", {"tenant": TENANT, "client_id": CLIENT, "secret": SECRET})
        with pytest.raises(errors.GoldenImageError, match=r"log in.*REQUESTS_CA_BUNDLE"):
            Credential(identity, cloud).get_token(cloud.scope)

    def test_a_malformed_tenant(self, azure: FakeAzure, cloud: clouds.Cloud) -> None:
        identity = Identity("secret", "Environment", {"tenant": "a b", "client_id": CLIENT, "secret": SECRET})
        with pytest.raises(CredentialError, match=r"Environment:.*tenant"):
            Credential(identity, cloud, transport=clouds.connections(str(azure.ca))).get_token(cloud.scope)

    def test_authority_host(self, environment: pytest.MonkeyPatch, azure: FakeAzure) -> None:
        environment.setenv("AZURE_AUTHORITY_HOST", azure.url)
        identity = Identity("secret", "Environment", {"tenant": TENANT, "client_id": CLIENT, "secret": SECRET})
        assert (
            Credential(identity, clouds.PUBLIC, transport=clouds.connections(str(azure.ca)))
            .get_token(clouds.PUBLIC.scope)
            .token
            == "token-1"
        )
        environment.setenv("AZURE_AUTHORITY_HOST", "http://login.example")
        with pytest.raises(InvalidInput, match="AZURE_AUTHORITY_HOST"):
            Credential(identity, clouds.PUBLIC).get_token(clouds.PUBLIC.scope)


def make_client_certificate(folder: Path) -> tuple[Path, str]:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "application")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "client.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path, made.fingerprint(hashes.SHA1()).hex()

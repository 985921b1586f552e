# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import clouds
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import Unreachable
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, InvalidInput

from .conftest import Answer, Clock, FakeAzure, make_certificate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "cloud"),
    [
        ("AzureCloud", clouds.PUBLIC),
        ("azurecloud", clouds.PUBLIC),
        ("AzureChinaCloud", clouds.CHINA),
        ("AzureUSGovernment", clouds.US_GOVERNMENT),
        ("https://management.azure.com/", clouds.PUBLIC),
    ],
)
def test_known(text: str, cloud: clouds.Cloud) -> None:
    assert clouds.resolve(text, ca=None) is cloud


@pytest.mark.parametrize("text", ["AzureGermanCloud", "", "localhost:8443"])
def test_unknown_names(text: str) -> None:
    with pytest.raises(InvalidInput, match="AzureCloud, AzureChinaCloud, AzureUSGovernment"):
        clouds.resolve(text, ca=None)


@pytest.mark.parametrize("text", ["http://localhost:1", "https://", "ftp://x"])
def test_tokens_go_to_https_only(text: str) -> None:
    with pytest.raises(InvalidInput, match="must be an https:// address"):
        clouds.resolve(text, ca=None)


class TestMetadata:
    def resolve(self, azure: FakeAzure, body: Any, status: int = 200, **headers: str) -> clouds.Cloud:
        azure.on("GET", "/metadata/endpoints", Answer(status, body, headers))
        return clouds.resolve(f"{azure.url}/", ca=str(azure.ca))

    def test_one_cloud(self, azure: FakeAzure) -> None:
        cloud = self.resolve(azure, azure.metadata())
        assert cloud == clouds.Cloud("Fake", azure.url, azure.url, azure.url, "fake.test", well_known=False)
        assert cloud.scope == f"{azure.url}/.default"
        assert azure.requests[0].query == {"api-version": "2022-09-01"}

    def test_a_list_of_clouds(self, azure: FakeAzure) -> None:
        other = azure.metadata(name="Other", resourceManager="https://management.azure.com/")
        own = azure.metadata(name="Own", resourceManager=f"{azure.url}/")
        assert self.resolve(azure, [other, own]).name == "Own"

    def test_the_old_short_form(self, azure: FakeAzure) -> None:
        body = {"authentication": {"loginEndpoint": f"{azure.url}/", "audiences": ["https://management.stack/x"]}}
        cloud = self.resolve(azure, body)
        assert (cloud.name, cloud.resource_manager, cloud.authority) == (azure.url, azure.url, azure.url)
        assert cloud.scope == "https://management.stack/x/.default"

    @pytest.mark.parametrize(
        "body",
        [b"<html>hello</html>", b"", [], {}, 7, {"authentication": None}, {"authentication": {"loginEndpoint": "x"}}],
    )
    def test_nonsense(self, azure: FakeAzure, body: Any) -> None:
        with pytest.raises(InvalidInput, match=r"not a cloud's metadata.*/metadata/endpoints"):
            self.resolve(azure, body)

    def test_a_login_without_tls(self, azure: FakeAzure) -> None:
        body = azure.metadata(authentication={"loginEndpoint": "http://login", "audiences": ["x"]})
        with pytest.raises(InvalidInput, match="login address"):
            self.resolve(azure, body)

    def test_not_found(self, azure: FakeAzure) -> None:
        with pytest.raises(InvalidInput, match="HTTP 404"):
            self.resolve(azure, b"no", 404)


class TestUnreachable:
    def test_nobody_listens(self, closed_port: int, clock: Clock) -> None:
        with pytest.raises(Unreachable, match=r"Connection refused.*cloud_environment"):
            clouds.resolve(f"https://127.0.0.1:{closed_port}", ca=None, pace=clock.pace)

    def test_a_certificate_that_is_not_trusted(self, azure: FakeAzure, tmp_path: Path) -> None:
        other, _ignored = make_certificate(tmp_path, "localhost")
        for ca in (None, str(other)):
            with pytest.raises(Unreachable, match="REQUESTS_CA_BUNDLE"):
                clouds.resolve(azure.url, ca=ca)

    def test_no_tls(self) -> None:
        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            with pytest.raises(GoldenImageError, match="does not speak TLS"):
                clouds.resolve(f"https://127.0.0.1:{server.server_port}", ca=None)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class TestTrustedCa:
    def test_none(self) -> None:
        assert clouds.trusted_ca() is None

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"])
    def test_each_variable(self, name: str, environment: pytest.MonkeyPatch, azure: FakeAzure) -> None:
        environment.setenv(name, str(azure.ca))
        assert clouds.resolve(azure.url, ca=clouds.trusted_ca()).name == "Fake"

    def test_a_file_that_is_not_there(self, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("SSL_CERT_FILE", "/does/not/exist.pem")
        with pytest.raises(InvalidInput, match=r"SSL_CERT_FILE names /does/not/exist.pem"):
            clouds.trusted_ca()

from pathlib import Path

import pytest

CERTIFICATE = Path(__file__).parents[1] / "data" / "tls" / "certificate.pem"


@pytest.fixture
def one_authority(monkeypatch):
    """Has clients of a registry trust one certificate: to read those of all the world takes each of them 20 ms."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))

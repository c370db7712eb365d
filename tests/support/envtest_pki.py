"""Certificates, tokens and kubeconfigs for a kube-apiserver that is started from its binary.

The same files as `tests/controlplane/pki.go` makes, in one directory.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class PKI:
    """A directory with an authority, the serving certificate and the admin's bearer token."""

    def __init__(self, directory: Path) -> None:
        """Open the directory, or make it."""
        self._directory = directory
        if not self.file("tokens.csv").exists():
            self._create()
        self._ca = x509.load_pem_x509_certificate(self.file("ca.crt").read_bytes())
        key = serialization.load_pem_private_key(self.file("ca.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._ca_key = key
        self.admin_token = self.file("tokens.csv").read_text().split(",")[0]

    def file(self, name: str) -> Path:
        return self._directory / name

    def kubeconfig(self, url: str, name: str, groups: list[str]) -> str:
        """A kubeconfig with a new client certificate: common name the user, organizations the
        groups.
        """
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        subject += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        certificate, key = self._sign(subject, ExtendedKeyUsageOID.CLIENT_AUTH)
        cluster = {
            "server": url,
            "certificate-authority-data": _base64(self.file("ca.crt").read_bytes()),
        }
        user = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)}
        context = {"cluster": "controlplane", "user": name, "namespace": "default"}
        # JSON is YAML.
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "controlplane", "cluster": cluster}],
                "users": [{"name": name, "user": user}],
                "contexts": [{"name": "controlplane", "context": context}],
                "current-context": "controlplane",
            }
        )

    def _create(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "controlplane-ca")])
        self._ca = (
            _builder(name, name, self._ca_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._ca_key, hashes.SHA256())
        )
        self._write("ca.crt", _certificate_pem(self._ca))
        self._write("ca.key", _key_pem(self._ca_key))
        self._write("sa.key", _key_pem(ec.generate_private_key(ec.SECP256R1())))
        server = [x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")]
        certificate, key = self._sign(server, ExtendedKeyUsageOID.SERVER_AUTH)
        self._write("apiserver.crt", certificate)
        self._write("apiserver.key", key)
        # Last: its presence says that the rest is there.
        token = f"{secrets.token_hex(16)},admin,admin,system:masters\n"
        self._write("tokens.csv", token.encode())

    def _sign(
        self, subject: list[x509.NameAttribute[str]], usage: x509.ObjectIdentifier
    ) -> tuple[bytes, bytes]:
        """A certificate and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = _builder(x509.Name(subject), self._ca.subject, key).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if usage == ExtendedKeyUsageOID.SERVER_AUTH:
            builder = builder.add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        return _certificate_pem(builder.sign(self._ca_key, hashes.SHA256())), _key_pem(key)

    def _write(self, name: str, data: bytes) -> None:
        path = self.file(name)
        path.touch(mode=0o600)
        path.write_bytes(data)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=300))
    )


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

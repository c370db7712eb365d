"""A certificate for the address at which pods reach the API server.

`tests/controlplane` signs one for loopback only, where all other tests are.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.envtest_pki import PKI
from tests.support.real_node.network import API_ADDRESS


def apiserver_args(data_dir: Path) -> tuple[str, ...]:
    """Flags of kube-apiserver with a new certificate, by the authority of a data directory."""
    pki = PKI(data_dir / "pki")
    authority = x509.load_pem_x509_certificate(pki.file("ca.crt").read_bytes())
    authority_key = serialization.load_pem_private_key(pki.file("ca.key").read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", API_ADDRESS)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    certificate_file, key_file = (data_dir / f"service.{suffix}" for suffix in ("crt", "key"))
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return (f"--tls-cert-file={certificate_file}", f"--tls-private-key-file={key_file}")

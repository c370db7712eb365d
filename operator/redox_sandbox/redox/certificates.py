"""The sandbox's own certificate authority and its server certificate, kept in the data directory.

`ca.crt`, `ca.key`, `tls.crt`, `tls.key`: a restart finds them again, so that whoever trusts
`ca.crt` goes on trusting it. What has expired, does not fit or lacks a name is made anew.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST_NAMES = ("localhost", "127.0.0.1", "::1", "redox-sandbox")
"""Names that the server certificate always covers."""

_CA_DAYS, _SERVER_DAYS, _REMAINING_DAYS = 3650, 397, 1


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def server_context(
    data_dir: Path, host_names: Iterable[str], now: datetime | None = None
) -> tuple[ssl.SSLContext, Path]:
    """A TLS context whose certificate covers these names, and the path of the CA to trust."""
    data_dir.mkdir(parents=True, exist_ok=True)
    names = sorted({*HOST_NAMES, *host_names})
    now = now or datetime.now(UTC)
    authority = _load(data_dir, "ca")
    if authority is None or not _is_fresh(authority, now):
        authority = _make_authority(now)
        _save(data_dir, "ca", authority)
    server = _load(data_dir, "tls")
    if server is None or not _is_fresh(server, now) or not _fits(server, authority, names):
        server = _make_server(authority, names, now)
        _save(data_dir, "tls", server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(data_dir / "tls.crt", data_dir / "tls.key")
    return context, data_dir / "ca.crt"


def _load(data_dir: Path, name: str) -> _Pair | None:
    try:
        certificate = x509.load_pem_x509_certificate((data_dir / f"{name}.crt").read_bytes())
        key = serialization.load_pem_private_key((data_dir / f"{name}.key").read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    # A stop between the two writes can leave a pair that does not belong together.
    return _Pair(certificate, key) if certificate.public_key() == key.public_key() else None


def _is_fresh(pair: _Pair, now: datetime) -> bool:
    certificate = pair.certificate
    latest = certificate.not_valid_after_utc - timedelta(days=_REMAINING_DAYS)
    return certificate.not_valid_before_utc <= now < latest


def _fits(server: _Pair, authority: _Pair, names: list[str]) -> bool:
    try:
        server.certificate.verify_directly_issued_by(authority.certificate)
        extension = server.certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return set(map(_general_name, names)) <= set(extension.value)


def _make_authority(now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("redox-sandbox CA")
    builder = (
        _builder(name, name, key, now, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _make_server(authority: _Pair, names: list[str], now: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name("redox-sandbox"), issuer.subject, key, now, _SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
    )
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # Clients whose clock is a little behind shall trust it at once.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _save(data_dir: Path, name: str, pair: _Pair) -> None:
    key = pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(data_dir / f"{name}.key", key, 0o600)
    _write(
        data_dir / f"{name}.crt", pair.certificate.public_bytes(serialization.Encoding.PEM), 0o644
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode, exist_ok=False)
    draft.write_bytes(content)
    draft.replace(path)

"""Debian's nginx as it comes, and a site of ours in it: on ports of loopback, with a certificate that is made here."""

from __future__ import annotations

import re
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.peers.program import running
from tests.peers.tus_server import free_port

MAIN = Path("/etc/nginx/nginx.conf")


@dataclass(frozen=True)
class Proxy:
    """authority: the file of the certificate that vouches for it. plain: where it answers without TLS."""

    port: int
    plain: str
    authority: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)


@contextmanager
def nginx(site: str, folder: Path, port: int) -> Iterator[Proxy]:
    """site: what goes into conf.d, with names, ports and paths put in already but for those of TLS. port: of TLS."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program is not None, "make test installs nginx"
    (folder / "conf.d").mkdir(parents=True)
    authority, key = _certificate(folder)
    plain = free_port()
    replaced = {
        r"listen 80;": f"listen 127.0.0.1:{plain};",
        r"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        r"listen \[::\]:\d+( ssl)?;": "",
        r"/etc/ssl/\S+/fullchain\.pem": str(authority),
        r"/etc/ssl/\S+/privkey\.pem": str(key),
    }
    for pattern, text in replaced.items():
        site, count = re.subn(pattern, text, site)
        assert count, f"the example has no {pattern}"
    (folder / "conf.d" / "site.conf").write_text(site)
    log = folder / "error.log"
    main = MAIN.read_text()
    for pattern, text in {
        r"^user .*;": "user root;" if folder.owner() == "root" else "",
        r"^pid .*;": f"pid {folder}/nginx.pid; daemon off;",
        r"^worker_processes .*;": "worker_processes 1;",
        r"^(\s*)access_log .*;": f"access_log {folder}/access.log;",
        r"^(\s*)error_log .*;": f"error_log {log};",
        r"^.*sites-enabled.*$": "",
        r"/etc/nginx/conf\.d": f"{folder}/conf.d",
    }.items():
        main = re.sub(pattern, text, main, flags=re.MULTILINE)
    kept = "".join(f"{name}_temp_path {folder}/temp;\n" for name in _TEMPORARY)
    main = main.replace("http {", f"http {{\n{kept}", 1)
    (folder / "nginx.conf").write_text(main)
    command = [program, "-e", str(log), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with running(command, folder / "nginx.log", ready=lambda _: (folder / "nginx.pid").exists()):
        yield Proxy(port, f"http://127.0.0.1:{plain}", authority, log)


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of localhost, signed by itself; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "fullchain.pem", folder / "privkey.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    return certificate, private

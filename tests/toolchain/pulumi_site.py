"""https://get.pulumi.com behind a proxy, for the unmodified installer of Pulumi's SDK to download from."""

import socketserver
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

INSTALLS = """#!/bin/sh
[ "$1 $2 $4" = "--no-edit-path --install-root --version" ] || { echo "unknown arguments: $*"; exit 2; }
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho v%s\\n' "$5" > "$3/bin/pulumi"
printf '#!/bin/sh\\n' > "$3/bin/pulumi-language-python"
chmod +x "$3/bin/pulumi" "$3/bin/pulumi-language-python"
"""


class PulumiSite:
    """Serves `script` as install.sh, or takes connections and never answers where that is None."""

    def __init__(self, certificate: Path) -> None:
        self.script: str | None = INSTALLS
        self.asked: list[str] = []
        _write_certificate("get.pulumi.com", certificate)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        site = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                site._answer(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "PulumiSite":
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, connection: socketserver.StreamRequestHandler) -> None:
        self.asked.append(_request(connection))
        if self.script is None:
            connection.rfile.read()
            return
        connection.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self._tls.wrap_socket(connection.connection, server_side=True) as encrypted:
            self.asked.append(encrypted.recv(65_536).decode().splitlines()[0])
            body = self.script.encode()
            encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def _request(connection: socketserver.StreamRequestHandler) -> str:
    """The first line of a request, read to its end."""
    first = connection.rfile.readline().decode().strip()
    while connection.rfile.readline().strip():
        pass
    return first


def _write_certificate(host: str, path: Path) -> None:
    """A key and a certificate for `host` that a client trusts which has it as its only authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))

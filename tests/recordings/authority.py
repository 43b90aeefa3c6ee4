"""A time stamp authority of our own, with ``openssl ts``, served over HTTP on loopback."""

import http.server
import subprocess
import threading
from pathlib import Path

CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
tsa_name = yes
ess_cert_id_alg = sha256
"""


class LocalAuthority:
    """Answers RFC 3161 queries while ``away`` is false."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True)
        self.place, self.away = place, False
        (place / "tsa.cnf").write_text(CONFIGURATION)
        (place / "serial").write_text("01")
        (place / "ext").write_text("extendedKeyUsage=critical,timeStamping\nbasicConstraints=CA:FALSE\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self._openssl(
            "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test root"
        )
        self._openssl("req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test time stamps")
        self._openssl(
            "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "tsa.pem", "-days", "30", "-extfile", "ext",
        )  # fmt: skip
        self.root = (place / "ca.pem").read_bytes()
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                reply = b"" if authority.away else authority.answer(query)
                self.send_response(503 if authority.away else 200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, query: bytes) -> bytes:
        (self.place / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        return (self.place / "reply").read_bytes()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.place, check=True, capture_output=True)

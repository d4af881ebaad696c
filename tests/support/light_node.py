"""A stand-in for `s4-node pod`: it listens where the specification says, tells how it is, and stores nothing.

Beside its specification's directory it keeps `began`, the number of its starts. It obeys files in the same folder:
`unready` (its readiness page says no) and `crash` (it ends at once, with 3).
"""

import argparse
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server


def main() -> None:
    parser = argparse.ArgumentParser()
    for flag in ("--specification", "--credentials", "--directory", "--bind", "--listen", "--log"):
        parser.add_argument(flag, default="")
    chosen, _ = parser.parse_known_args(sys.argv[2:])
    directory = Path(chosen.directory)
    if (directory / "crash").exists():
        sys.exit(3)
    with (directory / "began").open("a") as began:
        began.write("x")
    wanted = json.loads(Path(chosen.specification).read_text())
    held = [create_server((chosen.bind, wanted[node]["port"])) for node in ("introducer", "storage")]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.stdout.write(json.dumps({"serving": wanted["grid_id"], "ports": [each.getsockname()[1] for each in held]}))
    sys.stdout.flush()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ok = self.path == "/healthz" or not (directory / "unready").exists()
            keys = Path(chosen.credentials)
            body = (keys.read_text() if keys.exists() else "").encode()
            self.send_response(200 if ok else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    address, _, port = chosen.listen.rpartition(":")
    server = ThreadingHTTPServer((address, int(port)), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()

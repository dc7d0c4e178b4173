"""A stand-in service for the tests of `up` and of supervision: answers /health/ready, and nothing else.

Run as `python stand_in.py run <name>`; it is configured by the same variables as a real one.
"""

from __future__ import annotations

import http.server
import os
import signal
import sys
from types import FrameType


class Answers(http.server.BaseHTTPRequestHandler):
    """200 to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def ends(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, ends)
    http.server.HTTPServer(("127.0.0.1", int(os.environ["STEPDOWN_HTTP_PORT"])), Answers).serve_forever()

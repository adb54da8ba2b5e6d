# SPDX-License-Identifier: Apache-2.0
"""A registry that asks everybody for credentials, and has no image for those who have them."""

import base64
import http.server
import json

ADMITTED = "Basic " + base64.b64encode(b"team:secret").decode()


class Registry(http.server.BaseHTTPRequestHandler):
    """The distribution API as far as a pull of a missing image goes."""

    def do_GET(self) -> None:
        admitted = self.headers.get("Authorization") == ADMITTED
        code, error = (404, "MANIFEST_UNKNOWN") if admitted else (401, "UNAUTHORIZED")
        body = json.dumps({"errors": [{"code": error, "message": error.lower()}]}).encode()
        self.send_response(code)
        if not admitted:
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET


http.server.ThreadingHTTPServer(("127.0.0.1", 5055), Registry).serve_forever()

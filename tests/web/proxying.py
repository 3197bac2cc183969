"""A small reverse proxy that puts a server under a sub-path, as nginx and Caddy do."""

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_OWN = {"connection", "keep-alive", "transfer-encoding", "host"}


@contextlib.contextmanager
def proxied(port, prefix, *, strips):
    """Run a proxy in front of a server; yields (its port, the paths that were asked of it).

    Args:
        port: of the server.
        prefix: where the proxy puts it, as "/photos"; everything else is 404.
        strips: whether the server is asked without the prefix.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *arguments):
            pass

        def pass_on(self):
            asked.append(self.path)
            path = self.path
            if not (path + "/").startswith(prefix + "/"):
                self.send_error(404)
                return
            if strips:
                path = path.removeprefix(prefix) or "/"
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _OWN}
            headers |= {"Host": self.headers["Host"], "X-Forwarded-For": self.client_address[0]}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=200)
            with contextlib.closing(connection), contextlib.suppress(OSError):
                connection.request(self.command, path, body, headers)
                answer = connection.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _OWN:
                        self.send_header(name, value)
                self.end_headers()
                while part := answer.read1(65536):
                    self.wfile.write(part)
                    self.wfile.flush()

        do_GET = do_POST = do_DELETE = pass_on  # noqa: N815 (names of http.server)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

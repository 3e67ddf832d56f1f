"""A receiver of webhooks for tests: checks each message by the rules of Standard Webhooks, and writes it down.

    python3 webhook_receiver.py LOG SECRET PORT FAILURES

Answers 500 to the first FAILURES messages, then 204. LOG gets a line of JSON a message: id, type, whether the signature
is right and the time is near, and what was answered. SECRET is a file. PORT 0 lets the system choose; the port is printed.
Ends when its standard input is closed. Standard library only; the signature is this file's own (hmac), not the program's.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time

log, secret_file, port, failures = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
lock = threading.Lock()
left = failures


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global left
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        key = base64.b64decode(open(secret_file).read().strip().removeprefix("whsec_"))
        wanted = base64.b64encode(hmac.digest(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)).decode()
        signed = any(hmac.compare_digest(one, "v1," + wanted) for one in self.headers["webhook-signature"].split(" "))
        with lock:
            status = 500 if left > 0 else 204
            left -= 1
            document = json.loads(body)
            with open(log, "a") as file:
                file.write(json.dumps({
                    "path": self.path, "id": name, "type": document["type"], "document": document, "signed": signed,
                    "near": abs(time.time() - int(stamp)) < 300, "status": status}) + "\n")
        self.send_response(status)
        # Nobody may be led elsewhere by an answer.
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)

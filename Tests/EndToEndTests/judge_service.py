#!/usr/bin/env python3
"""A model behind an OpenAI-compatible address, for JudgeTests.swift: a real HTTP server with a fixed taste.

    judge_service.py LOG

It prints its port and answers POST /v1/chat/completions. Like real models it prefers what stands first: the picture to be
judged gets two points more there. The score is otherwise the number of bytes of that picture, modulo 5. Every request is a
line of LOG: the key that came with it, the model, which place the judged picture had, and the SHA-256 of each picture.
"""
import base64
import hashlib
import http.server
import json
import os
import sys
import threading


class Judge(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        parts = body["messages"][0]["content"]
        text = parts[0]["text"]
        pictures = [base64.b64decode(part["image_url"]["url"].split(",", 1)[1]) for part in parts[1:]]
        place = 0 if "Picture 1 is to be judged" in text or len(pictures) == 1 else 1
        score = len(pictures[place]) % 5 + (2 if place == 0 and len(pictures) == 2 else 0)
        with open(sys.argv[1], "a") as log:
            digests = [hashlib.sha256(picture).hexdigest() for picture in pictures]
            line = {"path": self.path, "key": self.headers.get("Authorization"), "model": body["model"], "place": place,
                    "text": text, "pictures": digests}
            log.write(json.dumps(line) + "\n")
        words = ("Let me look at both. " + json.dumps({"score": score, "reason": f"place {place + 1}, {len(pictures[place])} bytes."}))
        answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": words}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge)
# It ends with its standard input, whatever started it.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()

#!/usr/bin/env python3
"""A double of AWS: MiniStack (PyPI, MIT), and before it this front with what MiniStack lacks (aws_gaps.py).

    aws_double.py --port P --backend http://127.0.0.1:Q [--log calls.jsonl] [--cluster-endpoint URL --cluster-ca FILE]

    POST /_double/fault {"action": "CreateNodegroup", "times": 1, "status": 400, "code": "…", "message": "…"}
    POST /_double/delay {"action": "CreateNodegroup", "times": 1, "seconds": 3}
    POST /_double/reset       faults and delays are gone
    POST /_double/empty       and what the front remembers of AWS, too
    POST /_double/tokenreview a TokenReview of an API server for `aws eks get-token`
"""

import argparse
import base64
import http.client
import json
import re
import threading
import time
import urllib.parse
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aws_gaps import Gaps, forget

XML_ERRORS = {"ec2", "iam", "sts", "elasticloadbalancing", "autoscaling"}
# EKS is REST: verb and path make the operation.
EKS = [("POST", r"^/clusters$", "CreateCluster"), ("GET", r"^/clusters/[^/]+$", "DescribeCluster"),
       ("DELETE", r"^/clusters/[^/]+$", "DeleteCluster"), ("POST", r"/node-groups$", "CreateNodegroup"),
       ("GET", r"/node-groups/[^/]+$", "DescribeNodegroup"), ("DELETE", r"/node-groups/[^/]+$", "DeleteNodegroup"),
       ("GET", r"^/addons/supported-versions$", "DescribeAddonVersions"), ("GET", r"^/cluster-versions$", "DescribeClusterVersions"),
       ("POST", r"/addons$", "CreateAddon"), ("DELETE", r"/addons/[^/]+$", "DeleteAddon"),
       ("POST", r"/access-entries$", "CreateAccessEntry"), ("POST", r"/access-policies$", "AssociateAccessPolicy"),
       ("POST", r"/pod-identity-associations$", "CreatePodIdentityAssociation"), ("GET", r"/updates/[^/]+$", "DescribeUpdate")]
RULES: list[dict[str, Any]] = []
LOCK = threading.Lock()


class Double(Gaps, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend = ""
    log: Any = None

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self) -> None:
        self.action = ""
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", self.headers.get("Authorization", ""))
        self.region, self.service = scope.groups() if scope else ("us-west-2", "")
        self.url = urllib.parse.urlsplit(self.path)
        if self.url.path.startswith("/_double/"):
            self.control(self.url.path.rpartition("/")[2])
            return
        self.form = {}
        if self.headers.get("X-Amz-Target"):
            self.action = self.headers["X-Amz-Target"].rpartition(".")[2]
        elif self.service == "eks":
            self.action = next((name for verb, pattern, name in EKS
                                if verb == self.command and re.search(pattern, self.url.path)), "Other")
        elif self.service == "s3":
            self.action = f"{self.command} {'object' if self.url.path.count('/') > 1 and self.url.path[-1] != '/' else 'bucket'}"
        else:
            self.form = dict(urllib.parse.parse_qsl(self.body.decode(errors="replace") or self.url.query))
            self.action = self.form.get("Action", "Other")
        with LOCK:
            rule = next((one for one in RULES if one["action"] == self.action and one["times"] > 0), None)
            if rule:
                rule["times"] -= 1
        if rule and "seconds" in rule:
            time.sleep(rule["seconds"])
        elif rule:
            self.refuse(rule.get("code", "InternalFailure"), rule.get("message", "injected"), rule.get("status", 400))
            return
        if self.gap("on"):
            return
        status, data, headers = self.forward()
        if status == 200 and hasattr(self, f"fix_{self.action}"):
            data = getattr(self, f"fix_{self.action}")(data.decode()).encode()
        self.send(status, data, headers)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

    def gap(self, when: str) -> bool:
        found = getattr(self, f"{when}_{self.action}", None)
        return bool(found and found())

    def send(self, status: int, data: bytes, headers: dict[str, str] | None = None, code: str = "") -> bool:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        if self.log and self.action:
            with LOCK:
                self.log.write(json.dumps({"service": self.service, "action": self.action, "status": status, "code": code}) + "\n")
                self.log.flush()
        return True

    def xml(self, body: str, status: int = 200, code: str = "") -> bool:
        return self.send(status, body.encode(), {"Content-Type": "text/xml"}, code)

    def json(self, value: Any) -> bool:
        return self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def refuse(self, code: str, message: str, status: int = 400) -> bool:
        error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        if self.service == "ec2":
            return self.xml(f"<Response><Errors>{error}</Errors><RequestID>double</RequestID></Response>", status, code)
        if self.service == "s3":
            return self.xml(error, status, code)
        if self.service in XML_ERRORS:
            return self.xml(f"<ErrorResponse>{error}<RequestId>double</RequestId></ErrorResponse>", status, code)
        return self.send(status, json.dumps({"__type": code, "code": code, "message": message}).encode(),
                         {"Content-Type": "application/json", "x-amzn-ErrorType": code}, code)

    def forward(self, body: bytes | None = None, path: str = "", method: str = "",
                headers: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:
        host = urllib.parse.urlsplit(self.backend).netloc
        own = ("host", "connection", "content-length", "accept-encoding", "expect", "transfer-encoding")
        sent = {name: value for name, value in (headers or self.headers).items() if name.lower() not in own}
        connection = http.client.HTTPConnection(host, timeout=120)
        connection.request(method or self.command, path or self.path, self.body if body is None else body, {**sent, "Host": host})
        got = connection.getresponse()
        answer = got.status, got.read(), dict(got.getheaders())
        connection.close()
        return answer

    def control(self, what: str) -> None:
        if what == "tokenreview":
            asked = json.loads(self.body)
            token = asked["spec"]["token"]
            good = token.startswith("k8s-aws-v1.")
            user = {"user": {"username": "ground-admin", "groups": ["system:masters"]}} if good else {}
            self.json({"apiVersion": asked.get("apiVersion", "authentication.k8s.io/v1"), "kind": "TokenReview",
                       "status": {"authenticated": good, **user}})
            return
        with LOCK:
            if what in ("reset", "empty"):
                RULES.clear()
                if what == "empty":
                    forget()
            else:
                RULES.append({"times": 1, **json.loads(self.body)})
        self.json(RULES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backend", required=True)
    parser.add_argument("--log", type=argparse.FileType("w"))
    parser.add_argument("--cluster-endpoint", default="")
    parser.add_argument("--cluster-ca", type=argparse.FileType("rb"))
    options = parser.parse_args()
    Double.backend, Double.log, Double.endpoint = options.backend, options.log, options.cluster_endpoint
    if options.cluster_ca:
        Double.ca = base64.b64encode(options.cluster_ca.read()).decode()
    ThreadingHTTPServer(("127.0.0.1", options.port), Double).serve_forever()


if __name__ == "__main__":
    main()

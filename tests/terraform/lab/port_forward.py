#!/usr/bin/env python3
"""`kubectl port-forward` without a kubelet that could carry it: leads to the first ready address of the Service.

    port_forward.py KUBECTL --kubeconfig=FILE port-forward service/NAME [LOCAL]:PORT --namespace=NAMESPACE
"""

import json
import socket
import subprocess
import sys
import threading


def relay(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def main() -> int:
    kubectl, *arguments = sys.argv[1:]
    options = [one for one in arguments if one.startswith("--kubeconfig") or one.startswith("--namespace")]
    plain = [one for one in arguments if not one.startswith("-")]
    service, ports = plain[plain.index("port-forward") + 1:]
    local, _, port = ports.rpartition(":")
    found = subprocess.run([kubectl, "get", "endpoints", service.removeprefix("service/"), "--output=json", *options],
                           capture_output=True, text=True)
    subsets = json.loads(found.stdout or "{}").get("subsets") or []
    addresses = [each["ip"] for one in subsets for each in one.get("addresses") or []]
    if not addresses:
        print(found.stderr or f"error: unable to forward port because {service} has no ready pod", flush=True)
        return 1
    with socket.create_server(("127.0.0.1", int(local or 0))) as server:
        print(f"Forwarding from 127.0.0.1:{server.getsockname()[1]} -> {port}", flush=True)
        while True:
            connection, _ = server.accept()
            there = socket.create_connection((addresses[0], int(port)))
            for pair in ((connection, there), (there, connection)):
                threading.Thread(target=relay, args=pair, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())

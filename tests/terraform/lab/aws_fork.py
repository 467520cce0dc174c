#!/usr/bin/env python3
"""The real AWS CLI, started once: this server has loaded it, and forks for each call. `aws` costs a tenth of a second, not one.

    aws_fork.py SOCKET FOLDER     serves on SOCKET, and writes FOLDER/aws, which calls it
"""

import array
import json
import os
import pathlib
import signal
import socket
import struct
import sys
import traceback
from typing import Any

import awscli.clidriver

CLIENT = """#!{python} -ISs
import array, json, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect({path!r})
text = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
s.sendmsg([struct.pack('>I', len(text))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2]))])
s.sendall(text)
answer = s.recv(1)
sys.exit(answer[0] if answer else 255)
"""


def receive(connection: socket.socket) -> tuple[list[int], Any]:
    descriptors = array.array("i")
    head, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_LEN(3 * descriptors.itemsize))
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    size, text = struct.unpack(">I", head)[0], b""
    while len(text) < size:
        text += connection.recv(size - len(text))
    return list(descriptors), json.loads(text)


def run(driver: Any, connection: socket.socket) -> None:
    """In the child: the CLI with the caller's arguments, surroundings, folder and streams."""
    descriptors, (arguments, environment, folder) = receive(connection)
    # Importing the CLI has set where its data are.
    environment.setdefault("AWS_DATA_PATH", os.environ["AWS_DATA_PATH"])
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for target, source in enumerate(descriptors):
        os.dup2(source, target)
        os.close(source)
    sys.argv = ["aws", *arguments]
    code = 255
    try:
        code = driver.main(arguments) or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code & 0xff]))
        os._exit(0)


def main() -> None:
    path, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    driver = awscli.clidriver.create_clidriver()
    # The models of services are large; those that are asked for stay in memory.
    for service in ("ec2", "eks", "iam", "elbv2", "elb", "sts", "events", "ecr", "logs", "kms", "s3", "sqs", "ssm", "service-quotas"):
        driver.session.create_client(service, region_name="us-west-2")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(64)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "aws").write_text(CLIENT.format(python=sys.executable, path=path))
    (folder / "aws").chmod(0o755)
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run(driver, connection)
        connection.close()


if __name__ == "__main__":
    main()

"""A server that cannot compute any more says so, to whoever decides that it is replaced."""

import os
import pathlib
import resource
import subprocess

import pytest

from puna_server import BINARY, PATIENCE, ROOT, PunaServer, wait_until

# Sanitizers end the program where an allocation fails, and take minutes for a real model.
pytestmark = pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer's build")

MODEL = ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"
PACKED_DATA_OFFSET = 64 << 10


def damage_without_a_trace(path: pathlib.Path, offset: int) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def damaged_weights(tmp_path: pathlib.Path) -> pathlib.Path:
    """A packed file that looks whole until its data are read."""
    assert MODEL.exists(), "run 'make fetch-models'"
    path = tmp_path / "model.packed"
    subprocess.run([BINARY, "quantize", str(MODEL), "--weights", "int8", "--output", str(path)], check=True,
                   timeout=120 * PATIENCE)
    damage_without_a_trace(path, PACKED_DATA_OFFSET + 100_000_000)
    return path


def test_a_server_whose_weights_are_found_damaged_is_neither_ready_nor_healthy(start_server, damaged_weights):
    server: PunaServer = start_server(str(MODEL), "--packed-weights", str(damaged_weights), "--max-model-len", "512",
                                      "--kv-cache-memory-bytes", "200MB", backend="cpu")
    wait_until(lambda: server.get("/health").status_code == 503, 60, "the damage is found")
    chat = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}
    for reply in (server.get("/health"), server.get("/ready"), server.get("/v1/models"),
                  server.post("/v1/chat/completions", chat)):
        assert reply.status_code == 503, reply.text
        error = reply.json()["error"]
        assert error["code"] == "unhealthy" and "the packed weights are damaged" in error["message"]
        assert str(damaged_weights.parent) not in reply.text, "no client is told where files lie"
    assert server.get("/metrics").status_code == 200
    assert any(str(damaged_weights) in line for line in server.errors), "the log says which file"


def test_a_step_without_memory_ends_its_requests_and_nothing_else(start_server):
    """The logits of 2000 scored tokens are 390 MB."""
    server: PunaServer = start_server(str(MODEL), "--packed-weights", "off", "--max-model-len", "2048",
                                      "--kv-cache-memory-bytes", "200MB", "--max-num-batched-tokens", "2048",
                                      backend="cpu")
    short = {"prompt": [5, 6, 7], "max_tokens": 3, "temperature": 0}
    expected = server.post("/v1/completions", short).json()["choices"][0]["text"]
    pages = int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + (150 << 20)
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (room, room))
    reply = server.post("/v1/completions", {"prompt": [5] * 2000, "max_tokens": 1, "echo": True, "logprobs": 1})
    assert reply.status_code == 503, reply.text
    assert "no memory left" in reply.json()["error"]["message"]
    assert server.get("/health").status_code == 200, "the next request may fit"
    again = server.post("/v1/completions", short)
    assert again.status_code == 200 and again.json()["choices"][0]["text"] == expected

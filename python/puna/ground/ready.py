"""Until the model answers: Ray Serve says that it runs, and then it is asked, through a port-forward as a person would."""

import base64
import json
import os
import re
import selectors
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any

from .commands import Commands, GroundError, words_of
from .kubectl import Kubectl

LOOK_S, FORWARD_S, ASK_S = 5.0, 20.0, 180.0
NAMESPACE, WORDS_MAX = "llama2", 3000
QUESTION = {"sentence": "Hello", "max_tokens": 8}
FORWARDING = re.compile(rb"127\.0\.0\.1:(\d+) -> ")
# Ray Serve does not try again by itself after this.
FAILED = "DEPLOY_FAILED"


class Ready:
    def __init__(self, commands: Commands, kubectl: Kubectl, look_s: float = LOOK_S) -> None:
        self.commands, self.kubectl, self.look_s = commands, kubectl, look_s
        self._said = ""

    def wait(self, wait_s: float) -> str:
        """The model's first answer."""
        end = time.monotonic() + wait_s
        while (state := self._state())[0] != "RUNNING":
            if state[0] == FAILED:
                raise GroundError(f"Ray Serve could not start the model: {state[1]}", self._advice())
            self._pause(end, wait_s, f"Ray Serve says {state[0]} of it{f': {state[1]}' if state[1] else ''}")
        while True:
            answer, words = self._ask()
            if answer:
                return answer
            self._pause(end, wait_s, f"it does not answer: {words}")

    def _pause(self, end: float, wait_s: float, words: str) -> None:
        if time.monotonic() > end:
            pods = self.kubectl.ask("get", "pods,nodeclaims", f"--namespace={NAMESPACE}", "--output=wide").output
            raise GroundError(f"the model is not ready after {words_of(wait_s)}; {words}\n{pods}", self._advice())
        if words != self._said:
            self.commands.say(f"    {words[:200]}")
            self._said = words
        self.commands.pause(self.look_s)

    def _advice(self) -> str:
        return f"look: kubectl --kubeconfig {self.kubectl.place.kubeconfig} describe pods,rayservice -n {NAMESPACE}"

    def _state(self) -> tuple[str, str]:
        """Of the application, as the RayService tells it; a first cluster is pending until it serves."""
        for one in self.kubectl.items("rayservice", f"--namespace={NAMESPACE}"):
            status = one.get("status") or {}
            for part in ("activeServiceStatus", "pendingServiceStatus"):
                found: dict[str, Any] = (status.get(part) or {}).get("applicationStatuses") or {}
                for application in found.values():
                    # Why a deployment does not start is said of the deployment only.
                    deployments = (application.get("serveDeploymentStatuses") or {}).values()
                    messages = [str(each.get("message") or "").strip() for each in (application, *deployments)]
                    return str(application.get("status")), "\n".join(filter(None, messages))[-WORDS_MAX:]
        return "nothing", ""

    def _ask(self) -> tuple[str, str]:
        """(answer, '') or ('', why there is none)."""
        with self.commands.beside(*self.kubectl.line("port-forward", "service/llama2-serve-svc", ":8000",
                                                     f"--namespace={NAMESPACE}")) as output:
            said = first_words(output)
            found = FORWARDING.search(said)
            if not found:
                return "", said.decode(errors="replace").strip()[-300:] or "kubectl port-forward says nothing"
            return self._answer(f"http://127.0.0.1:{int(found[1])}/infer?{urllib.parse.urlencode(QUESTION)}")

    def _answer(self, url: str) -> tuple[str, str]:
        key = self._key()
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
        try:
            # Not by the proxy that leads out.
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=ASK_S) as reply:
                text = reply.read(1 << 20).decode(errors="replace")
        except urllib.error.HTTPError as error:
            return "", f"{error.code} {error.read(500).decode(errors='replace')}".strip()
        except OSError as error:
            return "", str(error)
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        if isinstance(parsed, list) and parsed and isinstance(parsed[0], str) and parsed[0].strip():
            return parsed[0].strip(), ""
        return "", f"{text[:200]!r} is no answer of /infer"

    def _key(self) -> str:
        """Of the Secret that overlays for the internet want."""
        for one in self.kubectl.items("secret", "--field-selector=metadata.name=puna-api-key", f"--namespace={NAMESPACE}"):
            return base64.b64decode((one.get("data") or {}).get("key", "")).decode(errors="replace").strip()
        return ""


def first_words(output: IO[bytes]) -> bytes:
    """The first line, or what came until the end or the limit."""
    end, said = time.monotonic() + FORWARD_S, b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while b"\n" not in said and (left := end - time.monotonic()) > 0:
            if selector.select(left):
                data = os.read(output.fileno(), 4096)
                if not data:
                    break
                said += data
    return said

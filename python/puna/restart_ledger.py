"""How often the server of a deployment has died on this machine, and with which last words.

Ray Serve replaces a dead replica for ever. A server that dies after every start would load its model
in a loop and `serve status` would never say why; with this record the replica refuses to start it
again, and the reason is its error message. A changed configuration begins with an empty record.
"""

import contextlib
import fcntl
import hashlib
import json
import pathlib
import tempfile
import time
from collections.abc import Iterator

ENTRIES_MAX = 100
WORDS_MAX = 2000


class RestartLedger:
    def __init__(self, identity: str, folder: str | None = None) -> None:
        name = hashlib.sha256(identity.encode()).hexdigest()[:24]
        self._path = pathlib.Path(folder or tempfile.gettempdir()) / f"puna-deaths-{name}.json"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[list[tuple[float, str]]]:
        """The entries, oldest first; what they are at the end is written back."""
        with self._path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            try:
                entries = [(float(when), str(words)) for when, words in json.load(file)]
            except (ValueError, TypeError):
                entries = []
            yield entries
            file.seek(0)
            file.truncate()
            json.dump(entries[-ENTRIES_MAX:], file)

    def record(self, words: str, now: float | None = None) -> None:
        with self._locked() as entries:
            entries.append((time.time() if now is None else now, words[:WORDS_MAX]))

    def refusal(self, restarts_max: int, window_s: float, now: float | None = None) -> str:
        """Why the server is not started again, or an empty text."""
        now = time.time() if now is None else now
        with self._locked() as entries:
            entries[:] = [entry for entry in entries if 0 <= now - entry[0] < window_s]
            if len(entries) < restarts_max:
                return ""
            again = window_s - (now - entries[-restarts_max][0])
            return (f"puna serve ended {len(entries)} times in {window_s:g} s and is not started again "
                    f"for {again:.0f} s or until the configuration changes. Last: {entries[-1][1]}")

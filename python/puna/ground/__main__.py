"""install.sh and cleanup.sh come here: python -m puna.ground install|cleanup."""

import os
import sys

from .cleanup import Cleanup
from .commands import Commands, GroundError, Interrupted
from .install import Install
from .options import parser
from .place import Place


def say(words: str) -> None:
    print(words, flush=True)


def surroundings() -> dict[str, str]:
    """For the tools: no questions, no pagers; which regions were given is remembered for a warning."""
    found = dict(os.environ)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        found[f"GIVEN_{name}"] = os.environ.get(name, "")
    return found | {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "AWS_PAGER": ""}


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    place = Place(options.terraform)
    commands = Commands(place.logs, surroundings(), say, options.dry_run)
    commands.watch_signals()
    try:
        with place.locked():
            (Install if options.command == "install" else Cleanup)(commands, place, options).run()
    except GroundError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.advice:
            print(f"go on: {error.advice}", file=sys.stderr)
        return 1
    except Interrupted as error:
        print(f"stopped by {error}; run ./{options.command}.sh again: it goes on from here", file=sys.stderr)
        return 128 + error.number
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

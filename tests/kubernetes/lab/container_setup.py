"""The command that runs a container's own command where its volumes are mounted and the project is seen.

The project is at PROJECT whatever its path is on this machine, so that no command of a pod meets a space in it; and at
its own path too, which programs of virtual environments name, also where a volume or a private folder hides it.
"""

import pathlib
from collections.abc import Mapping, Sequence

PROJECT = "/mnt/project"
# Arguments: the project, the service account's folder, the number of mounts, a source and a path for each; a command.
SETUP = f"""set -e
project=$1 account=$2 mounts=$3; shift 3
exec {{held}}<"$project"
mount -t tmpfs tmpfs /mnt; mkdir {PROJECT}; mount --bind "/proc/self/fd/$held" {PROJECT}
mount -t tmpfs tmpfs /tmp; mount -t tmpfs -o size=2g tmpfs /dev/shm; mount -t tmpfs tmpfs /run
while [ "$mounts" -gt 0 ]; do
  mkdir -p "$2"; mount --bind "$1" "$2"; shift 2; mounts=$((mounts - 1))
done
if [ ! -e "$project/src/layers.txt" ]; then mkdir -p "$project"; mount --bind {PROJECT} "$project"; fi
exec {{held}}<&-
mkdir -p /run/secrets/kubernetes.io; ln -s "$account" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""


def inside(project: pathlib.Path, path: pathlib.Path) -> str:
    """Where a container sees a path of the project."""
    return f"{PROJECT}/{path.relative_to(project)}"


def container_command(project: pathlib.Path, account: pathlib.Path, mounts: Mapping[str, pathlib.Path],
                      command: Sequence[str]) -> list[str]:
    """`mounts` are folders or files of the project by the container's path; for a mount namespace of its own."""
    pairs = [word for path, source in sorted(mounts.items()) for word in (inside(project, source), path)]
    return ["bash", "-c", SETUP, "container", str(project), inside(project, account), str(len(mounts)), *pairs,
            *command]

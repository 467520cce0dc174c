#!/usr/bin/env bash
# tests/images/in_namespace.sh COMMAND…: runs a command where podman can start containers. Mounts, network, host name
# and processes are its own: the machine's stay as they are, and whatever is still running when the command ends, in
# whatever way, ends with it.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${PUNA_CGROUP_PARENT-}" = "" ]; then
  export PUNA_CGROUP_PARENT=/puna-images-$$
  # Also those of a run that was killed; groups that are in use stay.
  trap "find /sys/fs/cgroup -depth -type d -path '*/puna-images-*' -exec rmdir {} + 2>/dev/null || true" EXIT
  # Ends also when this shell is killed.
  setpriv --pdeathsig KILL unshare --mount --net --uts --pid --fork --kill-child --mount-proc \
    --propagation private "$0" "$@"
  exit
fi
# crun and runc know version 1 of control groups, and version 2, but not one beside the other.
if mountpoint --quiet /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
source tests/images/engine.sh
hostname images
ip link set lo up
# Address translation wants a default route; this one leads nowhere.
ip link add nowhere type bridge
ip address add 192.0.2.1/24 dev nowhere
ip link set nowhere up
ip route add default via 192.0.2.254 dev nowhere onlink
echo 1 > /proc/sys/net/ipv4/ip_forward
podman rm --all --force --time 0 >/dev/null  # what a run that was cut off has left in the storage
"$@"

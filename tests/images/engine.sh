# For `source`: podman and buildah with all that is theirs under build/images, apart from the machine's own.
# Needs a mount namespace of its own, and the repository as the working folder.

state=$PWD/build/images
mkdir -p "$state/storage" "$state/tmp"
# What podman knows of running containers ends with the namespace, and so do its locks. Names of hosts stay known.
names=$(cat /etc/resolv.conf)
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
resolver=$(readlink --canonicalize-missing /etc/resolv.conf)
if [ ! -e "$resolver" ]; then mkdir -p "$(dirname "$resolver")" && echo "$names" > "$resolver"; fi
files=$(ulimit -Hn)  # the default, 1048576, may be more than this machine lets anyone have
cat > "$state/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "/run/networks"
END
cat > "$state/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$state/storage"
runroot = "/run/puna-images"
END
export CONTAINERS_CONF=$state/containers.conf CONTAINERS_STORAGE_CONF=$state/storage.conf TMPDIR=$state/tmp

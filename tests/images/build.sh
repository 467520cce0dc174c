#!/usr/bin/env bash
# Builds a Debian base and every image of deploy/docker on it, with no registry of images. Layers stay in build/images,
# so that the next run builds what has changed. Of this machine it needs root, and apt's sources.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" -ne 0 ]; then echo "error: making a base and starting containers needs root" >&2; exit 1; fi
if [ "${1-}" != inside ]; then exec unshare --mount --propagation private "$0" inside; fi
source tests/images/engine.sh
base=localhost/puna-base:bookworm

# The machine's own sources of Debian are lent to each step of the build, and stay in no layer.
mkdir -p "$state/sources"
apt-get indextargets 'Created-By: Packages' 'Origin: Debian' --format \
  'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)' \
  > "$state/sources/machine.list"
if ! podman image exists "$base"; then
  mmdebstrap --quiet --variant=minbase \
    --customize-hook='cd "$1" && rm etc/resolv.conf etc/hostname && : > etc/apt/sources.list' \
    bookworm "$state/base.tar" - < "$state/sources/machine.list"
  podman import --quiet "$state/base.tar" "$base"
  rm "$state/base.tar"
fi
for image in puna-gradio puna-server puna puna-neuron puna-cuda; do
  echo "=== $image"
  # Steps run in a chroot and not in a container: they want the machine's network, and nothing of its cgroups.
  buildah build --isolation chroot --format docker --layers --network host \
    --volume "$state/sources:/etc/apt/sources.list.d:ro" --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt \
    --build-arg BASE="$base" --file deploy/docker/Dockerfile --target "$image" --tag "localhost/$image:0.1.0" .
done
podman images --filter reference=localhost/*

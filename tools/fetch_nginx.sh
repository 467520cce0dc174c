#!/usr/bin/env bash
# Debian's nginx in build/nginx, for tests of the Ingress rules. It is unpacked, not installed: an installed one
# would be started as a service.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x build/nginx/usr/sbin/nginx ] && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root=sudo
mkdir -p build
work=$(mktemp -d build/.nginx.XXXXXX)
trap 'rm -rf "$work"' EXIT
download() { (cd "$work" && apt-get download --quiet=2 nginx 2>/dev/null); }
download || { $as_root apt-get update --quiet=2; download; }
dpkg-deb --extract "$work"/nginx_*.deb "$work/nginx"
rm -rf build/nginx
mv "$work/nginx" build/nginx

#!/usr/bin/env bash
# Installs what a list of Debian packages has and the machine has not; without root or sudo, names it.
# tools/install_packages.sh [LIST [SECTION…]]: tools/apt-packages.txt is the list when none is given; a section
# begins with a line '# name', and with no names all sections count.
set -euo pipefail
cd "$(dirname "$0")/.."
list=${1:-tools/apt-packages.txt}
sections=" ${*:2} "

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
section=""
while read -r package; do
  case "$package" in
    "") continue ;;
    "#"*) section=${package#"# "}; continue ;;
    # Node.js is often installed from elsewhere, with npm inside; then Debian's npm cannot be installed.
    nodejs | npm) if command -v node && command -v npm; then continue; fi >/dev/null ;;
  esac
  [[ "$sections" = "  " || "$sections" = *" $section "* ]] || continue
  is_installed "$package" || missing+=("$package")
done < "$list"
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install --yes --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  echo "error: this needs Debian 12 packages: ${missing[*]}" >&2
  exit 1
elif [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null; then
  as_root="sudo"
else
  echo "error: packages are missing; as root run: apt-get update && $install" >&2
  exit 1
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
$as_root apt-get update --quiet=2
# shellcheck disable=SC2086  # a list of words on purpose
DEBIAN_FRONTEND=noninteractive $as_root $install --quiet=2

#!/usr/bin/env bash
# Pushes the images puna and puna-gradio to the ground's registry, under the tag that install.sh expects (puna.env).
# usage: tools/push_images.sh [SOURCE_TAG]     of the local images; default: the tag itself. DOCKER=podman works too.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${PUNA_ENV:-deploy/terraform/.ground/puna.env}
docker=${DOCKER:-docker}
[ -f "$environment" ] ||
  { echo "error: $environment is not there: run deploy/terraform/install.sh --until kubectl first" >&2; exit 1; }
# shellcheck source=/dev/null
. "$environment"
if [ -z "${PUNA_REGISTRY:-}" ] || [ -z "${PUNA_TAG:-}" ]; then
  echo "error: $environment names no registry: run deploy/terraform/install.sh --from rest" >&2
  exit 1
fi
for tool in aws "$docker"; do
  command -v "$tool" > /dev/null || { echo "error: $tool not found on PATH" >&2; exit 1; }
done
source_tag=${1:-$PUNA_TAG}
for image in puna puna-gradio; do
  "$docker" image inspect "$image:$source_tag" > /dev/null 2>&1 ||
    { echo "error: there is no local image $image:$source_tag: build it (docs/docker.md)" >&2; exit 1; }
done
aws ecr get-login-password --region "$PUNA_REGION" |
  "$docker" login --username AWS --password-stdin "${PUNA_REGISTRY%%/*}"
for image in puna puna-gradio; do
  target=$PUNA_REGISTRY/$image:$PUNA_TAG
  if aws ecr describe-images --region "$PUNA_REGION" --repository-name "$PUNA_NAME/$image" \
    --image-ids imageTag="$PUNA_TAG" > /dev/null 2>&1; then
    echo "$target is there already; a tag does not change (install.sh --tag takes another)"
    continue
  fi
  "$docker" tag "$image:$source_tag" "$target"
  "$docker" push "$target"
done

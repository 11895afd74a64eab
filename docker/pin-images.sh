#!/bin/sh
# Pin the images in docker/Dockerfile and docker-compose.yml to the digests that their tags have now.
# Needs docker with buildx, and access to the images' registry.
set -eu
cd "$(dirname "$0")/.."
files='docker/Dockerfile docker-compose.yml'
for image in $(sed -nE 's/^ *(FROM|image:) ((python|postgres|valkey\/valkey|prom\/prometheus|grafana\/grafana):[^ @]+).*/\2/p' $files | sort -u); do
  digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
  echo "$image@$digest"
  for file in $files; do
    sed -E "s#$image(@sha256:[0-9a-f]+)?#$image@$digest#" "$file" > "$file.new"
    cat "$file.new" > "$file" # keeps the file's mode
    rm "$file.new"
  done
done

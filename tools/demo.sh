#!/usr/bin/env bash
# Serves the demo: SmolLM2 with the invented shop's adapter (or the plain base for an empty ADAPTER).
set -euo pipefail
cd "$(dirname "$0")/.."
adapter=$1 host=$2 port=$3

flags=(--host "$host" --port "$port")
if [ -n "$adapter" ]; then
  flags+=(--adapter "$adapter" --served-model-name support-assistant
    --override-generation-config '{"temperature": 0}'
    --page-title "Support assistant" --system-prompt-file models/demo/system_prompt.txt
    --examples-file models/demo/examples.json --page-texts-file models/demo/page_texts.json)
fi
[ "$host" = 127.0.0.1 ] && echo "Open http://127.0.0.1:$port in a browser. Ctrl-C ends the server."
exec build/release/bin/puna serve "${flags[@]}" build/models/SmolLM2-135M-Instruct.Q4_1.gguf

#!/usr/bin/env bash
# Serves the demo on a Ray cluster of this machine, with dashboard and Gradio page (make cluster).
# tools/cluster.sh [ADAPTER] [OPTIONS of puna-cluster…]; an empty ADAPTER serves the plain base model.
set -euo pipefail
cd "$(dirname "$0")/.."
adapter=${1-}
[ $# -gt 0 ] && shift

# What `puna serve` reads itself: Ray's processes, replicas and servers inherit it.
export PUNA_BINARY=$PWD/build/release/bin/puna
export PUNA_MODEL=${PUNA_MODEL:-$PWD/build/models/SmolLM2-135M-Instruct.Q4_1.gguf}
if [ -n "$adapter" ]; then
  export PUNA_ADAPTER=$PWD/$adapter PUNA_SERVED_MODEL_NAME=support-assistant
  export PUNA_OVERRIDE_GENERATION_CONFIG='{"temperature": 0}'
  export PUNA_PAGE_TITLE="Support assistant"
  export PUNA_SYSTEM_PROMPT_FILE=$PWD/models/demo/system_prompt.txt
  export PUNA_EXAMPLES_FILE=$PWD/models/demo/examples.json
  export PUNA_PAGE_TEXTS_FILE=$PWD/models/demo/page_texts.json
  PUNA_SYSTEM_PROMPT=$(cat models/demo/system_prompt.txt)
  export PUNA_SYSTEM_PROMPT
fi
tools/venv.sh cluster
export PYTHONPATH=$PWD/python
exec build/venv/cluster/bin/python -m puna.cluster deploy/ray/llama2.yaml "$@"

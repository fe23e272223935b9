#!/usr/bin/env bash
# Renews the recorded references of dyno-qwen35 (device-agent/qwen35/tests/data). Takes the Python to use.
# The tests themselves need no Python; run this only when the recipe in make_tiny.py changes.
set -euo pipefail
python=${1:-python3}
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../../device-agent/qwen35/tests/data
make() { rm -rf "${data:?}/$1"; "$python" "$here/make_tiny.py" --bf16 --layers 4 --out "$data/$1" "${@:2}"; rm -f "$data/$1/generation_config.json"; }
make dense --parts text,decode,gdn,image,video,pixels,mtp
make moe --moe --parts text,decode,mtp
make untied --untied --text-only --parts text,mtp

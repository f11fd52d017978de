#!/usr/bin/env bash
# The whole pipeline: data, train, merge, evaluate, promote.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: scripts/train.sh [--smoke-test] [NAME=VALUE ...]

Runs all five steps on Spider: mlflow run . -e main -P benchmark=spider. Spider is fetched where it is not there yet.

  --smoke-test   SmolLM2-135M on the demo benchmark instead, in minutes on a CPU (as make smoke does)
  NAME=VALUE     a parameter of the pipeline, e.g. model=1.5b recipe=lora limit=500 (docs/guides/mlflow.md lists them)
EOF
}

smoke_test=false
given=()
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage && exit 0 ;;
    --smoke-test) smoke_test=true ;;
    *=*) given+=("$argument") ;;
    *) usage >&2 && exit 2 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v mlflow >/dev/null || PATH="$PWD/.venv/bin:$PATH"
command -v mlflow >/dev/null || { echo "pipesql is not set up: run make setup first" >&2 && exit 1; }

if "$smoke_test"; then
  defaults=(benchmark=demo model=smol recipe=smoke)
else
  defaults=(benchmark=spider)
fi
# What is given goes before the defaults: MLflow refuses a name that is given twice.
parameters=()
for default in "${defaults[@]}"; do
  [[ " ${given[*]-} " == *" ${default%%=*}="* ]] || parameters+=(-P "$default")
done
for argument in ${given[@]+"${given[@]}"}; do
  parameters+=(-P "$argument")
done
exec mlflow run . -e main --env-manager local "${parameters[@]}"

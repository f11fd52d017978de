#!/usr/bin/env bash
# BIRD from its publisher to golden pairs and training samples.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: scripts/setup_bird_data.sh [--fetch-only] [DIR] [NAME=VALUE ...]

Fetches BIRD (9 GB, 35 GB unpacked) into DIR (default: output/benchmarks/bird; what is there already is checked and
kept), then makes golden pairs and training samples of it: mlflow run . -e data -P benchmark=bird -P benchmark_dir=DIR.

  --fetch-only   stop after fetching
  NAME=VALUE     a parameter of the data step, e.g. limit=2000 layout=steps (docs/guides/golden-pairs.md lists them)
EOF
}

fetch_only=false
directory=output/benchmarks/bird
parameters=(-P benchmark=bird)
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage && exit 0 ;;
    --fetch-only) fetch_only=true ;;
    -*) usage >&2 && exit 2 ;;
    *=*) parameters+=(-P "$argument") ;;
    /*) directory=$argument ;;
    *) directory=$PWD/$argument ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v pipesql >/dev/null || PATH="$PWD/.venv/bin:$PATH"
command -v pipesql >/dev/null || { echo "pipesql is not set up: run make setup first" >&2 && exit 1; }

pipesql fetch bird --dir "$directory"
if ! "$fetch_only"; then
  mlflow run . -e data --env-manager local "${parameters[@]}" -P benchmark_dir="$directory"
fi

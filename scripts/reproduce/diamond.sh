#!/usr/bin/env bash
# The one-shot model of carbon: train on one cell of diamond, generate, print the table.
#     scripts/reproduce/diamond.sh [FOLDER]
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-runs/reproduce/diamond}

if [ -e "$out/model/checkpoints" ] && [ ! -e "$out/model/model.nequip.zip" ]; then
  rm-train diamond --data "$checkout/examples/diamond.cif" --out "$out/model" --resume
elif [ ! -e "$out/model/model.nequip.zip" ]; then
  rm-train diamond --data "$checkout/examples/diamond.cif" --out "$out/model"
fi
python "$checkout/scripts/carbon_table.py" --model "$out/model" --out "$out/carbon"

#!/usr/bin/env bash
# The one-shot model of carbon: train on one cell of diamond, generate, print the table.
#     scripts/reproduce/diamond.sh [FOLDER]
# EPOCHS and NUM make it smaller; RANKS and PROCESSES are those of generation and training.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-runs/reproduce/diamond}
training=(--processes "${PROCESSES:-1}" ${EPOCHS:+--epochs "$EPOCHS"})

if [ -e "$out/model/checkpoints" ]; then training+=(--resume); fi
[ -e "$out/model/model.nequip.zip" ] ||
  rm-train diamond --data "$checkout/examples/diamond.cif" --out "$out/model" "${training[@]}"
python "$checkout/scripts/carbon_table.py" --model "$out/model" --num "${NUM:-64}" --ranks "${RANKS:-2}" \
  --out "$out/carbon"

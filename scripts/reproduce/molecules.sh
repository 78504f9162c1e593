#!/usr/bin/env bash
# Molecules: QM9 from the package qm9pack, train, generate, judge, print the table.
#     scripts/reproduce/molecules.sh [FOLDER]
# RANKS and PROCESSES are those of generation and training.
# Smaller, to see that all steps work:
#     MOLECULES=500 EPOCHS=1 COMPOSITIONS=5 NUM=2 scripts/reproduce/molecules.sh FOLDER
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-runs/reproduce/molecules}
training=(--processes "${PROCESSES:-1}" ${EPOCHS:+--epochs "$EPOCHS"})

[ -e "$out/data/test.extxyz" ] ||
  python "$checkout/scripts/prepare_molecules.py" --qm9 "${MOLECULES:-14000}" --out "$out/data"
if [ -e "$out/model/checkpoints" ]; then training+=(--resume); fi
[ -e "$out/model/model.nequip.zip" ] ||
  rm-train molecules --data "$out/data/train.extxyz" --out "$out/model" "${training[@]}"
python "$checkout/scripts/bench/molecules.py" --model "$out/model" --test "$out/data/test.extxyz" \
  --training "$out/data/train.extxyz" --compositions "${COMPOSITIONS:-30}" --num "${NUM:-8}" --ranks "${RANKS:-2}" \
  --out "$out/bench"

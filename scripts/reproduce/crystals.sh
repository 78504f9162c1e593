#!/usr/bin/env bash
# Crystals of MP-20: train on its training split, generate for the test split, print the table.
#     scripts/reproduce/crystals.sh FOLDER_WITH_train.csv_AND_test.csv [FOLDER]
# RANKS and PROCESSES are those of generation and training.
# Smaller, to see that all steps work:
#     EPOCHS=1 COMPOSITIONS=10 NUM=5 scripts/reproduce/crystals.sh FOLDER
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
data=${1:?the folder with train.csv and test.csv of MP-20: docs/howto/reproduce.md says where from}
out=${2:-runs/reproduce/crystals}
training=(--processes "${PROCESSES:-1}" ${EPOCHS:+--epochs "$EPOCHS"})

if [ -e "$out/model/checkpoints" ]; then training+=(--resume); fi
[ -e "$out/model/model.nequip.zip" ] ||
  rm-train crystals --data "$data/train.csv" --out "$out/model" "${training[@]}"
python "$checkout/scripts/bench/crystals.py" --model "$out/model" --data "$data/test.csv" \
  --compositions "${COMPOSITIONS:-200}" --num "${NUM:-20}" --at "${NUM:-20}" --ranks "${RANKS:-2}" --out "$out/at${NUM:-20}"

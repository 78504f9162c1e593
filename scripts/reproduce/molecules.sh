#!/usr/bin/env bash
# Molecules: QM9 from the package qm9pack, train, generate, judge, print the table.
#     scripts/reproduce/molecules.sh [FOLDER]
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-runs/reproduce/molecules}

[ -e "$out/data/test.extxyz" ] ||
  python "$checkout/scripts/prepare_molecules.py" --qm9 14000 --out "$out/data"
if [ -e "$out/model/checkpoints" ] && [ ! -e "$out/model/model.nequip.zip" ]; then
  rm-train molecules --data "$out/data/train.extxyz" --out "$out/model" --resume
elif [ ! -e "$out/model/model.nequip.zip" ]; then
  rm-train molecules --data "$out/data/train.extxyz" --out "$out/model"
fi
python "$checkout/scripts/bench/molecules.py" --model "$out/model" --test "$out/data/test.extxyz" \
  --training "$out/data/train.extxyz" --compositions 30 --num 8 --ranks 2 --out "$out/bench"

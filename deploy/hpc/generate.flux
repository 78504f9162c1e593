#!/bin/bash
# flux batch deploy/hpc/generate.flux run.yaml OUT     (the same again goes on)
# flux: --job-name=rm-generate
# flux: --nodes=4
# flux: --exclusive
# flux: --time-limit=8h
# flux: --signal=SIGTERM@2m
set -uo pipefail
module load cray-mpich
source "$HOME/rm_lammps/.venv/bin/activate"
export OMP_NUM_THREADS=1

flux run -N4 --tasks-per-node=128 rm-generate "$1" --out "$2" --time-limit 475

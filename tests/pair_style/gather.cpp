// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks larger than there are atoms, and sizes that an int doesn't hold.

#include <cstdio>

#include "gather.h"

using rm_lammps::padded_edges;

static_assert(padded_edges(1 << 20, 1 << 12) == size_t(1) << 32);
static_assert(3 * padded_edges(1 << 30, 1 << 30) == size_t(3) << 60);
static_assert(rm_lammps::edges_at_once(2000) == 32000);
static_assert(rm_lammps::edges_at_once(rm_lammps::largest_block) == size_t(16) * 2147483647);
static_assert(rm_lammps::edges_at_once(size_t(-1)) == size_t(-1));
static_assert(rm_lammps::edges_at_once(size_t(1) << 60) == size_t(-1));

// A ring of atoms, each of which sees all others.
int main()
{
  constexpr int n = 40;
  std::vector<double> positions(3 * n, 0.0);
  std::vector<double *> x;
  std::vector<int> types(n, 0), centres, everyone, counts(n, n - 1);
  std::vector<std::vector<int>> lists(n);
  std::vector<int *> neighbours;
  for (int i = 0; i < n; ++i) {
    positions[3 * i] = 0.05 * i;
    x.push_back(&positions[3 * i]);
    centres.push_back(i);
    for (int j = 0; j < n; ++j)
      if (j != i) lists[i].push_back(j);
    neighbours.push_back(lists[i].data());
  }
  const int model_type = 0;
  rm_lammps::Atoms atoms;
  atoms.x = x.data();
  atoms.type = types.data();
  atoms.model_type = &model_type;
  atoms.total = atoms.ncentres = n;
  atoms.centres = centres.data();
  atoms.nneighbours = counts.data();
  atoms.neighbours = neighbours.data();
  atoms.mask = 0x1FFFFFFF;
  rm_lammps::Metadata metadata;
  metadata.type_names = {"C"};
  metadata.cutoffs = {4.0};
  metadata.r_max = 4.0;

  rm_lammps::Neighbourhood near;
  for (const size_t block : {size_t(1), size_t(39), rm_lammps::largest_block, size_t(1) << 60,
                             size_t(-1)}) {
    for (const bool sorted : {false, true}) {
      size_t calls = 0, rows = 0, edges = 0;
      for (int begin = 0; begin < n;) {
        begin = near.gather(atoms, metadata, begin, rm_lammps::edges_at_once(block));
        rm_lammps::Blocks blocks(near, block, sorted);
        for (; blocks.next(); ++calls) {
          rm_lammps::Block filled;
          rm_lammps::fill_edges(atoms, near, blocks.rows(), metadata, filled);
          rows += filled.centres;
          edges += filled.edge_types.size();
        }
      }
      std::printf("%zu %zu %zu\n", calls, rows, edges);
    }
  }
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_GATHER_H
#define RM_LAMMPS_GATHER_H

#include <vector>

#include "graphs.h"

namespace rm_lammps {

// What gathering needs to know of LAMMPS's atoms and full neighbour list.
struct Atoms {
  const double *const *x = nullptr;    // Å
  const int *type = nullptr;
  const int *model_type = nullptr;    // LAMMPS type -> type of the model, -1 if not ours
  int total = 0;                      // own and ghost atoms
  int ncentres = 0;
  const int *centres = nullptr;
  const int *nneighbours = nullptr;
  const int *const *neighbours = nullptr;
  int mask = 0;    // removes the special-bond bits of a neighbour
};

// Edges of a block in the largest call that can be asked for: more are all there are.
constexpr size_t largest_block = 2147483647;

// Edges of a block whose rows are filled up to one width: more than an int counts.
constexpr size_t padded_edges(int rows, int width)
{
  return static_cast<size_t>(rows) * static_cast<size_t>(width);
}

// Edges that are gathered before they are cut into blocks of so many.
constexpr size_t edges_at_once(size_t block)
{
  constexpr size_t blocks = 16, all = static_cast<size_t>(-1);
  return block > all / blocks ? all : blocks * block;
}

// Two atoms of which one sees the other at distance zero.
struct Clash {
  int i, j;
};

// Neighbours within the model's cutoffs of some consecutive central atoms.
class Neighbourhood {
 public:
  // Fill with the central atoms begin, begin+1, ... until there are `enough` edges; returns the
  // end. Throws Clash.
  int gather(const Atoms &atoms, const Metadata &metadata, int begin, size_t enough);

  int size() const { return static_cast<int>(centres_.size()); }
  int centre(int row) const { return centres_[row]; }
  int degree(int row) const { return static_cast<int>(first_[row + 1] - first_[row]); }
  const size_t *first() const { return first_.data(); }    // edge of each row; then of all
  const int *neighbours(int row) const { return atoms_.data() + first_[row]; }
  // Å, neighbour minus centre, [degree][3]
  const double *vectors(int row) const { return vectors_.data() + 3 * first_[row]; }

 private:
  std::vector<int> centres_, atoms_;
  std::vector<size_t> first_;    // edges of a block may be more than an int counts
  std::vector<double> vectors_;
};

// Cuts a neighbourhood into blocks and writes the inputs of either target.
class Blocks {
 public:
  // max_edges: size of a block; sorted: central atoms ordered by their number of neighbours,
  // which keeps the padding of the edge target small.
  Blocks(const Neighbourhood &near, size_t max_edges, bool sorted);

  // Next block: fills rows(); false when there is none left.
  bool next();
  const std::vector<int> &rows() const { return rows_; }

 private:
  const Neighbourhood &near_;
  size_t max_edges_;
  bool sorted_;
  size_t position_ = 0;
  std::vector<int> order_, rows_;
};

// Inputs of the positions target; returns the atoms of the nodes.
class PositionsInput {
 public:
  void fill(const Atoms &atoms, const Neighbourhood &near, const std::vector<int> &rows,
            double r_max, Block &block);
  const std::vector<int> &nodes() const { return nodes_; }

 private:
  int node_of(const Atoms &atoms, int atom, Block &block);
  std::vector<int> index_;    // atom -> node, -1 between calls
  std::vector<int> nodes_;
};

// Inputs of the edge target.
void fill_edges(const Atoms &atoms, const Neighbourhood &near, const std::vector<int> &rows,
                const Metadata &metadata, Block &block);

}    // namespace rm_lammps

#endif

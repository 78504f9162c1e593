// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "gather.h"

#include <algorithm>
#include <numeric>

namespace rm_lammps {

namespace {

constexpr double same_place = 1e-12;    // Å², below this two atoms have no direction
// the exported models take their sizes as two or more: 0 and 1 would be compiled specially
constexpr int smallest = 2;

}    // namespace

int Neighbourhood::gather(const Atoms &atoms, const Metadata &metadata, int begin, size_t enough)
{
  centres_.clear();
  atoms_.clear();
  vectors_.clear();
  first_.assign(1, 0);
  const int ntypes = metadata.ntypes();
  std::vector<double> cutoff_squared(ntypes);
  int end = begin;
  for (; end < atoms.ncentres && (end == begin || atoms_.size() < enough); ++end) {
    const int i = atoms.centres[end];
    const int type = atoms.model_type[atoms.type[i]];
    if (type < 0) continue;
    for (int other = 0; other < ntypes; ++other)
      cutoff_squared[other] = metadata.cutoff(type, other) * metadata.cutoff(type, other);
    const double x = atoms.x[i][0], y = atoms.x[i][1], z = atoms.x[i][2];
    for (int k = 0; k < atoms.nneighbours[i]; ++k) {
      const int j = atoms.neighbours[i][k] & atoms.mask;
      const int neighbour_type = atoms.model_type[atoms.type[j]];
      if (neighbour_type < 0) continue;
      const double dx = atoms.x[j][0] - x, dy = atoms.x[j][1] - y, dz = atoms.x[j][2] - z;
      const double squared = dx * dx + dy * dy + dz * dz;
      if (squared >= cutoff_squared[neighbour_type]) continue;
      if (squared < same_place) throw Clash{i, j};
      atoms_.push_back(j);
      vectors_.insert(vectors_.end(), {dx, dy, dz});
    }
    centres_.push_back(i);
    first_.push_back(atoms_.size());
  }
  return end;
}

Blocks::Blocks(const Neighbourhood &near, size_t max_edges, bool sorted) :
    near_(near), max_edges_(max_edges), sorted_(sorted), order_(near.size())
{
  std::iota(order_.begin(), order_.end(), 0);
  if (sorted)
    std::stable_sort(order_.begin(), order_.end(),
                     [&near](int a, int b) { return near.degree(a) > near.degree(b); });
}

bool Blocks::next()
{
  // padding that costs less than another call of the model, about 60 µs
  const size_t waste_allowed = 64 + max_edges_ / 16;
  rows_.clear();
  size_t edges = 0, waste = 0;
  for (; position_ < order_.size(); ++position_) {
    const int row = order_[position_];
    const size_t degree = near_.degree(row);
    const size_t width = rows_.empty() ? degree : near_.degree(rows_.front());
    const size_t more = sorted_ ? width : degree;
    if (!rows_.empty() && edges + more > max_edges_) break;
    if (!rows_.empty() && sorted_ && waste + (width - degree) > waste_allowed) break;
    edges += more;
    waste += more - degree;
    rows_.push_back(row);
  }
  return !rows_.empty();
}

int PositionsInput::node_of(const Atoms &atoms, int atom, Block &block)
{
  if (index_[atom] >= 0) return index_[atom];
  index_[atom] = static_cast<int>(nodes_.size());
  nodes_.push_back(atom);
  block.positions.insert(block.positions.end(), atoms.x[atom], atoms.x[atom] + 3);
  block.node_types.push_back(atoms.model_type[atoms.type[atom]]);
  return index_[atom];
}

void PositionsInput::fill(const Atoms &atoms, const Neighbourhood &near,
                          const std::vector<int> &rows, double r_max, Block &block)
{
  if (static_cast<int>(index_.size()) < atoms.total) index_.resize(atoms.total, -1);
  nodes_.clear();
  block.positions.clear();
  block.node_types.clear();
  block.centres = static_cast<int>(rows.size());
  for (const int row : rows) node_of(atoms, near.centre(row), block);

  size_t edges = 0;
  for (const int row : rows) edges += near.degree(row);
  const bool pad = edges < smallest || rows.size() < smallest;
  const size_t columns = edges + (pad ? 2 : 0);
  block.edge_index.resize(2 * columns);
  auto *centre = block.edge_index.data();
  auto *neighbour = centre + columns;
  for (const int row : rows) {
    const int node = index_[near.centre(row)];
    for (int k = 0; k < near.degree(row); ++k) {
      *centre++ = node;
      *neighbour++ = node_of(atoms, near.neighbours(row)[k], block);
    }
  }
  for (const int atom : nodes_) index_[atom] = -1;
  if (!pad) return;
  // a dimer of its own, whose energy and forces nobody reads
  const auto node = static_cast<int64_t>(nodes_.size());
  block.positions.insert(block.positions.end(), {0.0, 0.0, 0.0, 0.5 * r_max, 0.0, 0.0});
  block.node_types.insert(block.node_types.end(), {0, 0});
  centre[0] = neighbour[1] = node;
  centre[1] = neighbour[0] = node + 1;
}

namespace {

template <typename T>
void fill_vectors(const Neighbourhood &near, const std::vector<int> &rows, int padded_rows,
                  int width, double beyond, std::vector<T> &vectors)
{
  vectors.resize(3 * padded_edges(padded_rows, width));
  T *out = vectors.data();
  for (int row = 0; row < padded_rows; ++row) {
    const int known = row < static_cast<int>(rows.size()) ? near.degree(rows[row]) : 0;
    if (known) out = std::copy_n(near.vectors(rows[row]), 3 * size_t(known), out);
    for (int k = known; k < width; ++k) {
      *out++ = static_cast<T>(beyond);
      *out++ = 0;
      *out++ = 0;
    }
  }
}

}    // namespace

void fill_edges(const Atoms &atoms, const Neighbourhood &near, const std::vector<int> &rows,
                const Metadata &metadata, Block &block)
{
  int width = smallest;
  for (const int row : rows) width = std::max(width, near.degree(row));
  block.centres = static_cast<int>(rows.size());
  block.rows = std::max(block.centres, smallest);
  block.width = width;
  const double beyond = 2.0 * metadata.r_max;
  if (metadata.edge_double)
    fill_vectors(near, rows, block.rows, width, beyond, block.vectors_double);
  else
    fill_vectors(near, rows, block.rows, width, beyond, block.vectors);

  block.centre_types.assign(block.rows, 0);
  block.edge_types.assign(padded_edges(block.rows, width), 0);
  for (int row = 0; row < block.centres; ++row) {
    block.centre_types[row] = atoms.model_type[atoms.type[near.centre(rows[row])]];
    auto *types = block.edge_types.data() + padded_edges(row, width);
    for (int k = 0; k < near.degree(rows[row]); ++k)
      types[k] = atoms.model_type[atoms.type[near.neighbours(rows[row])[k]]];
  }
}

}    // namespace rm_lammps

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_GRAPHS_H
#define RM_LAMMPS_GRAPHS_H

#include <memory>
#include <string>
#include <vector>

#include "model.h"

namespace rm_lammps {

// The buffers of one block of central atoms, kept between calls. Positions target: nodes are the
// central atoms first, then their neighbours. Edge target: every central atom has `width` edges,
// those it does not need lie beyond the cutoff and contribute exactly nothing.
struct Block {
  int centres = 0;

  std::vector<double> positions;      // Å, [nodes][3]
  std::vector<int64_t> node_types;    // [nodes]
  std::vector<int64_t> edge_index;    // [2][edges]

  int rows = 0, width = 0;              // edge target: padded number of central atoms and edges
  std::vector<float> vectors;           // Å, [rows][width][3], neighbour minus centre
  std::vector<double> vectors_double;   // the same for float64 models
  std::vector<int64_t> centre_types;    // [rows]
  std::vector<int64_t> edge_types;      // [rows][width], neighbour's type
};

// Results in eV and Å; valid until the next evaluation.
struct BlockResult {
  std::vector<double> energies;     // [centres] at least
  std::vector<double> forces;       // positions target: [nodes][3]
  double virial[9] = {};            // positions target: sum of r f, row by row
  const float *gradients = nullptr;           // edge target: [rows][width][3], dE/d(vector)
  const double *gradients_double = nullptr;   // the same for float64 models
  std::shared_ptr<void> kept;                 // what the pointers point into
};

// The compiled graphs of one file on one device.
class Graphs {
 public:
  virtual ~Graphs() = default;

  // Load what a target needs, once. Throws ModelError, as the evaluations do.
  virtual void load(Target target) = 0;
  virtual void evaluate_positions(const Block &block, BlockResult &result) = 0;
  virtual void evaluate_edges(const Block &block, BlockResult &result) = 0;
};

// What the library linked to torch offers; nothing else of the plugin knows torch.
struct GraphLibrary {
  const char *torch_version;
  // What a file says of its model, read without loading it; throws ModelError.
  Metadata (*read_metadata)(const std::string &path);
  // device_index: -1 for the CPU; threads of this process.
  Graphs *(*create)(const std::string &path, const Metadata &metadata, int device_index,
                    int threads);
  int (*gpus)();    // of this node
};

// Every library of graphs has this function; throws ModelError if another torch was loaded.
using OpenGraphLibrary = const GraphLibrary *(*)();
constexpr const char *open_graph_library_name = "rm_lammps_graph_library";

// Open the library that lies beside this one, or else the one that $RM_LAMMPS_GRAPHS names; throws
// ModelError.
const GraphLibrary &graph_library();

}    // namespace rm_lammps

#endif

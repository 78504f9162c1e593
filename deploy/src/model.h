// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_MODEL_H
#define RM_LAMMPS_MODEL_H

#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "native.h"

namespace rm_lammps {

// A problem with the model or its evaluation that the user can understand.
struct ModelError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The ways to evaluate a model, best first: by our own kernel, by the compiled edge target, by
// nequip's target. A file holds the last one at least.
enum class Target { native, edges, positions };

// What a compiled model says about itself.
struct Metadata {
  std::vector<std::string> type_names;
  std::vector<double> cutoffs;    // Å, [centre type][neighbour type], row by row
  double r_max = 0.0;             // Å, the largest of them
  std::string device;             // "cpu", "cuda"
  bool has_native = false;        // whether the file also holds weights for our kernel
  bool has_edges = false;         // whether the file also holds our edge target
  bool edge_double = false;       // the edge target computes in float64

  bool has(Target target) const
  {
    if (target == Target::native) return has_native && device == "cpu";
    return target == Target::positions || has_edges;
  }
  Target best() const
  {
    if (has(Target::native)) return Target::native;
    return has_edges ? Target::edges : Target::positions;
  }
  int ntypes() const { return static_cast<int>(type_names.size()); }
  double cutoff(int centre, int neighbour) const { return cutoffs[centre * ntypes() + neighbour]; }
};

// Read without loading the model; throws ModelError.
Metadata read_metadata(const std::string &path);

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
  std::vector<at::Tensor> kept;
};

// One compiled model on one device; shared by all pair styles of the process.
class Model {
 public:
  // device_index: -1 for the CPU.
  Model(const std::string &path, Metadata metadata, int device_index);

  // Load what a target needs, once. Throws ModelError, as the evaluations do.
  void load(Target target);
  NativeModel &native() { return *native_; }
  std::mutex &mutex() { return mutex_; }    // held while evaluating

  const Metadata &metadata() const { return metadata_; }
  void evaluate_positions(const Block &block, BlockResult &result);
  void evaluate_edges(const Block &block, BlockResult &result);
  int device_index() const { return device_index_; }

 private:
  using Loader = torch::inductor::AOTIModelPackageLoader;
  Loader &loader(const char *name, std::unique_ptr<Loader> &slot);
  std::vector<at::Tensor> run(Loader &loader, std::vector<at::Tensor> inputs);

  std::string path_;
  Metadata metadata_;
  int device_index_;
  at::Device device_;
  std::unique_ptr<Loader> positions_, edges_;
  std::unique_ptr<NativeModel> native_;
  std::mutex mutex_;
};

}    // namespace rm_lammps

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_MODEL_H
#define RM_LAMMPS_MODEL_H

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace rm_lammps {

class Graphs;
class Kernel;

// A problem with the model or its evaluation that the user can understand.
struct ModelError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The ways to evaluate a model: by our own kernel, by the compiled edge target, by nequip's target.
enum class Target { native, edges, positions };

// What a model says about itself.
struct Metadata {
  std::vector<std::string> type_names;
  std::vector<double> cutoffs;    // Å, [centre type][neighbour type], row by row
  double r_max = 0.0;             // Å, the largest of them
  std::string device;             // "cpu", "cuda"
  std::vector<Target> targets;    // that the file holds, one at least, the best first
  bool edge_double = false;       // the edge target computes in float64

  bool has(Target target) const
  {
    return std::find(targets.begin(), targets.end(), target) != targets.end();
  }
  int ntypes() const { return static_cast<int>(type_names.size()); }
  double cutoff(int centre, int neighbour) const { return cutoffs[centre * ntypes() + neighbour]; }
};

// Read without loading the model; throws ModelError.
Metadata read_metadata(const std::string &path);

// One model on one device; shared by all pair styles of the process.
class Model {
 public:
  // device_index: -1 for the CPU; threads of this process, for compiled graphs.
  Model(const std::string &path, Metadata metadata, int device_index, int threads);
  ~Model();

  // Load what a target needs, once. Throws ModelError.
  void load(Target target);
  Kernel &native() { return *kernel_; }
  Graphs &graphs() { return *graphs_; }
  std::mutex &mutex() { return mutex_; }    // held while evaluating

  const Metadata &metadata() const { return metadata_; }
  int device_index() const { return device_index_; }

 private:
  std::string path_;
  Metadata metadata_;
  int device_index_, threads_;
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<Graphs> graphs_;
  std::mutex mutex_;
};

}    // namespace rm_lammps

#endif

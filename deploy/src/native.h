// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_NATIVE_H
#define RM_LAMMPS_NATIVE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernel.h"

namespace rm_lammps {

// A one-layer float32 Allegro model, evaluated on the CPU for a few central atoms at a time.
// Everything that depends on a pair alone is tabulated over the distance, as polynomials whose
// derivatives are the slopes, so that energies and gradients belong together exactly. See
// docs/explanation/kernel.md for the formulas.
class NativeModel final : public Kernel {
 public:
  // weights: as rm_lammps/deployment/native.py writes them; r_max and cutoffs in Å, the latter
  // [centre type][neighbour type]. Throws std::runtime_error.
  NativeModel(const std::string &weights, const std::vector<double> &cutoffs);

  void evaluate(const Neighbours &near, double *energies, float *gradients) override;

  double memory() const override;

  // Tables are kept up to this many bytes; beyond, those that no atom has used for `patience`
  // evaluations make room. So a process that goes through many compositions does not grow.
  double table_budget = 96e6;
  std::uint64_t patience = 20000;

 private:
  // 64-byte aligned rows of floats, which grow and are kept
  class Rows {
   public:
    Rows() = default;
    // a copy would point into the storage of the original
    Rows(const Rows &) = delete;
    Rows &operator=(const Rows &) = delete;
    float *reserve(size_t rows, size_t width);
    float *row(size_t index) const { return data_ + index * width_; }
    double bytes() const { return sizeof(float) * static_cast<double>(storage_.size()); }

   private:
    std::vector<float> storage_;
    float *data_ = nullptr;
    size_t width_ = 0;
  };
  static constexpr int knots = 768;    // of a table: interpolation near float32's rounding
  struct Table {
    Rows rows;    // of an interval: for each vector of features, four coefficients of a cubic
    double inverse_step = 0.0;
    std::uint64_t used = 0;    // the evaluation that needed it last
  };
  // Where the features of an edge are looked up, and its direction and length.
  struct Edge {
    const float *row;
    float place, inverse_step;    // within the interval; 1/Å
    float x, y, z, r;
  };

  void make_room();
  const Table &table(int centre, int neighbour);
  void build(Table &table, int centre, int neighbour) const;
  void pair_features(double x, const std::vector<double> &first, double *values,
                     double *slopes) const;
  void evaluate_group(const Neighbours &near, double *energies, float *gradients);
  void locate(const Neighbours &near);
  void look_up(int edges);
  template <int degrees> void environment(const Neighbours &near);
  template <int degrees> void invariants(const Neighbours &near);
  void networks(const Neighbours &near, double *energies);
  void networks_back(int edges);
  template <int degrees> void product_back(const Neighbours &near);
  void finish(int edges, float *gradients) const;

  // sizes; all but types, bessels, embed and components are multiples of the vector width
  int types_, bessels_, embed_, extra_, degrees_, channels_, hidden_, readout_, components_;
  int features_;    // values of a row of the tables
  double power_;
  std::vector<double> frequencies_, scale_, by_centre_, by_neighbour_, extra_layers_, source_;
  std::vector<double> norm_, sum_norm_, energy_scale_, energy_shift_, cutoffs_;
  Rows product_, invariants_, invariants_back_, latent_, latent_back_, last_;
  std::vector<std::unique_ptr<Table>> tables_;    // [centre][neighbour], built when first needed
  std::uint64_t evaluations_ = 0;

  // the edges of some atoms, filled up with empty ones
  std::vector<Edge> edges_;
  Rows values_, slopes_, harmonics_, harmonics_back_, projected_, scalars_, latent_in_,
      latent_out_, readout_in_;
  Rows mixed_, around_back_;    // [atom][component]; [component] of one atom
};

}    // namespace rm_lammps

#endif

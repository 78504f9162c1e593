// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_PAIR_ALLEGRO_H
#define RM_LAMMPS_PAIR_ALLEGRO_H

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gather.h"
#include "model.h"
#include "pair.h"

namespace LAMMPS_NS {

// pair_style allegro [block N|all] [gpu N] [isolated model|zero] [target native|edges|positions]
// pair_coeff * * FILE.allegro|FILE.nequip.pt2 El1 El2 ...
class PairAllegro : public Pair {
 public:
  explicit PairAllegro(LAMMPS *lmp);
  ~PairAllegro() override;
  PairAllegro(const PairAllegro &) = delete;
  PairAllegro &operator=(const PairAllegro &) = delete;

  void compute(int eflag, int vflag) override;
  void settings(int narg, char **arg) override;
  void coeff(int narg, char **arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  double memory_usage() override;
  void *extract(const char *name, int &dim) override;    // "evaluations": calls of compute()

 private:
  void allocate();
  void read_block_size(const char *text);
  void read_gpu(const char *text);
  void map_types(const rm_lammps::Metadata &metadata, const std::string &file, char **names);
  void load_model(const std::string &file);
  void take_off_isolated();
  double isolated_energy(int model_type);
  void check_special_bonds();
  int choose_gpu();
  int local_rank();
  void announce(const std::string &file);
  void collective(std::string problem);

  rm_lammps::Atoms atoms() const;
  std::string evaluate();
  void note(const std::string &problem);
  void check_finite(const rm_lammps::Atoms &view) const;
  void evaluate_positions(const rm_lammps::Atoms &view, const std::vector<int> &rows);
  void evaluate_edges(const rm_lammps::Atoms &view, const std::vector<int> &rows);
  void evaluate_native(const rm_lammps::Atoms &view);
  template <typename T> void scatter_edges(int row, const T *gradients);
  template <typename T> void tally_edges(int row, const T *gradients);
  void tally_energy(int atom, double energy);

  static constexpr size_t unlimited = std::numeric_limits<size_t>::max() / 4;

  std::shared_ptr<rm_lammps::Model> model;
  std::vector<int> model_types;    // LAMMPS type -> type of the model, -1 for NULL
  double evaluations = 0.0;
  std::string fault;    // the first problem of this rank that nobody was told of
  int unchecked = 0;    // evaluations since ranks looked for problems
  double energy_unit = 1.0;        // LAMMPS's energy unit in one eV
  size_t block_edges = 0;
  int gpu = -1;
  bool zero_isolated = false;
  std::vector<double> isolated;    // eV, by type of the model; empty where it stays in the energy
  std::string wished;    // target of the script, empty for the best that the file holds
  rm_lammps::Target target = rm_lammps::Target::positions;

  rm_lammps::Neighbourhood near;
  rm_lammps::PositionsInput positions;
  rm_lammps::Block block;
  rm_lammps::BlockResult result;
  std::vector<int> centre_types, neighbour_types;
  std::vector<double> energies;
  std::vector<float> gradients;
};

}    // namespace LAMMPS_NS

#endif

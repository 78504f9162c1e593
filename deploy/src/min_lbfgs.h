// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_MIN_LBFGS_H
#define RM_LAMMPS_MIN_LBFGS_H

#include "fix_box_relax_lbfgs.h"
#include "lbfgs.h"
#include "min_interface.h"

namespace LAMMPS_NS {

// min_style lbfgs: limited-memory BFGS of the atoms, and of the box where there is a fix
// box/relax/lbfgs. Atoms are known by q, their places in the box of the start; only differences of
// q are stored, so that wrapping an atom changes nothing.
class MinLBFGS : public Min {
 public:
  explicit MinLBFGS(LAMMPS *lmp);

  void init() override;
  void setup_style() override;
  void reset_vectors() override;
  int iterate(int steps) override;
  double fnorm_sqr() override;
  double fnorm_inf() override;
  double fnorm_max() override;

 private:
  // a vector of the joint space: of own atoms, and of the cell, the same on all ranks
  struct Joint {
    double *atoms = nullptr;
    CellVector cell{};
  };

  [[noreturn]] void refuse(const std::string &problem) const;
  void evaluate();
  void store_force(Joint &into) const;
  double product(const double *a, const double *b) const;
  bool converged();
  double norm();
  void downhill();
  bool choose_direction();
  double longest_step();
  void go_to(double at);
  bool search();
  bool too_high(const rm_lammps::Point &start, const rm_lammps::Point &here) const;
  void learn(double step);

  FixBoxRelaxLBFGS *box = nullptr;
  rm_lammps::History history;
  rm_lammps::Products force_products{};
  Joint direction, force;                 // force: of the point where the direction begins
  Joint pairs[2 * rm_lammps::lbfgs_pairs];
  rm_lammps::Point here;                  // on the line along the direction
  CellVector cell_force{};                // of the last evaluation
  double longest = 0.0;                   // step along the direction
  double scale = 1.0;                     // of the force, where nothing is known of the curvature
};

}    // namespace LAMMPS_NS

#endif

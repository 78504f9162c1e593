// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_FIX_SYMMETRY_H
#define RM_LAMMPS_FIX_SYMMETRY_H

#include <string>

#include "fix.h"
#include "symmetric_atoms.h"

namespace LAMMPS_NS {

// fix ID all symmetry v_NAME
// Keeps a crystal's symmetry, whatever moves its atoms: of the forces, what would break it is taken
// away. Fix box/relax/lbfgs looks for this fix and strains the box likewise.
class FixSymmetry : public Fix {
 public:
  FixSymmetry(LAMMPS *lmp, int narg, char **arg);

  int setmask() override;
  void init() override;
  void setup(int vflag) override;
  void min_setup(int vflag) override;
  void post_force(int vflag) override;
  void min_post_force(int vflag) override;
  double compute_scalar() override;    // largest component of the forces taken away last

  const rm_lammps::SymmetricAtoms &operations() const { return symmetry; }

 private:
  [[noreturn]] void refuse(const std::string &problem) const;

  std::string variable;    // that holds the operations
  rm_lammps::SymmetricAtoms symmetry;
  double taken = 0.0;      // of own atoms
};

}    // namespace LAMMPS_NS

#endif

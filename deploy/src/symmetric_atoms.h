// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The symmetry that LAMMPS's atoms have: for crystals of a few atoms, as every rank looks at all.

#ifndef RM_LAMMPS_SYMMETRIC_ATOMS_H
#define RM_LAMMPS_SYMMETRIC_ATOMS_H

#include <string>

#include "pointers.h"
#include "symmetry.h"

namespace LAMMPS_NS {
class Domain;
}

namespace rm_lammps {

Matrix box_vectors(const LAMMPS_NS::Domain *domain);    // in columns

class SymmetricAtoms : protected LAMMPS_NS::Pointers {
 public:
  explicit SymmetricAtoms(LAMMPS_NS::LAMMPS *lmp) : Pointers(lmp) {}

  // Take the operations from a string variable and find which atom they take to which. Returns
  // what is wrong, or nothing.
  std::string find(const std::string &variable);

  bool empty() const { return symmetry.empty(); }

  // Replace vectors, three numbers for each own atom, by their symmetric part.
  void symmetrise(double *vectors) const;

  // The symmetric part of a strain of the box.
  Matrix symmetric(const Matrix &strain) const;

 private:
  Symmetry symmetry;
};

}    // namespace rm_lammps

#endif

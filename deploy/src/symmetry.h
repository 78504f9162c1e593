// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// Operations of a space group, and what of displacements and strains they leave as it is.

#ifndef RM_LAMMPS_SYMMETRY_H
#define RM_LAMMPS_SYMMETRY_H

#include <array>
#include <string>
#include <vector>

#include "strain.h"

namespace rm_lammps {

class Symmetry {
 public:
  // Rotation (row after row) and translation of each operation, in fractional coordinates: twelve
  // numbers. Returns what is wrong with them, or nothing.
  std::string read(const std::string &numbers);

  // Find the atom that each operation takes an atom to. All arguments by atom: three fractional
  // coordinates, and the type; the cell has its vectors in columns. Returns what is wrong.
  std::string match(const std::vector<double> &fractional, const std::vector<int> &types,
                    const Matrix &cell);

  bool empty() const { return operations.empty(); }

  // The symmetric part of fractional displacements, three numbers an atom.
  std::vector<double> symmetric(const std::vector<double> &displacements) const;

  // The symmetric part of a strain of the cell.
  Matrix symmetric(const Matrix &strain, const Matrix &cell) const;

 private:
  struct Operation {
    Matrix rotation, inverse;
    std::array<double, 3> translation;
    std::vector<int> images;    // of the atoms
  };
  std::vector<Operation> operations;
};

}    // namespace rm_lammps

#endif

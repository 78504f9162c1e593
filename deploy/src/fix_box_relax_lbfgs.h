// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_FIX_BOX_RELAX_LBFGS_H
#define RM_LAMMPS_FIX_BOX_RELAX_LBFGS_H

#include <array>
#include <string>
#include <vector>

#include "fix.h"
#include "fix_symmetry.h"
#include "strain.h"

namespace LAMMPS_NS {

using CellVector = std::array<double, 6>;    // of the cell's degrees of freedom, the rest zero

inline double dot(const CellVector &a, const CellVector &b)
{
  double sum = 0.0;
  for (size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

// fix ID group box/relax/lbfgs [iso|aniso|tri|x|y|z|xy|xz|yz P] [couple C] [vmax V] ...
// Lets the box change during a minimisation by min_style lbfgs. The box is that of the start times
// F = exp(U), U an upper triangular logarithmic strain, and atoms are at F q: energy and forces
// belong to one function of q and U. A degree of freedom is a length: a strain times the "length"
// that makes the cell about as stiff as an atom. Where there is a fix symmetry, U is a symmetric strain
// that keeps the symmetry, and F = turn exp(U) with the turn that makes the box LAMMPS's again.
class FixBoxRelaxLBFGS : public Fix {
 public:
  FixBoxRelaxLBFGS(LAMMPS *lmp, int narg, char **arg);
  ~FixBoxRelaxLBFGS() override;
  FixBoxRelaxLBFGS(const FixBoxRelaxLBFGS &) = delete;
  FixBoxRelaxLBFGS &operator=(const FixBoxRelaxLBFGS &) = delete;

  int setmask() override;
  void init() override;
  double compute_scalar() override;          // work against the pressure
  double compute_vector(int which) override;    // forces on the degrees of freedom

  // for the minimiser
  int number() const { return static_cast<int>(basis.size()); }
  const rm_lammps::Matrix &deformation() const { return F; }
  const std::array<double, 3> &fixed_point() const { return point; }
  void tally();                              // the next evaluation finds the stress
  double work() const;                       // energy beside the potential one
  CellVector forces();                       // after an evaluation
  double largest_strain(const CellVector &step) const;
  double longest_strain() const { return vmax; }
  void deform(const CellVector &step);       // the box and the atoms with it
  bool renew();                              // begin another function, if stresses need that
  bool converged(double force_tolerance) const;    // after forces()

 private:
  void read_arguments(int narg, char **arg);
  int read_pressure(int narg, char **arg, int at);
  void read_couple(const std::string &value);
  void check() const;
  void make_basis();
  void make_symmetric_basis();
  void begin_here();
  double volume() const;
  rm_lammps::Matrix strain(const CellVector &values) const;
  [[noreturn]] void refuse(const std::string &problem) const;

  bool given[6] = {};          // x, y, z, yz, xz, xy
  double target[6] = {};       // pressure
  int coupled[3] = {0, 1, 2};  // first direction that shares the strain
  bool isotropic = false;
  double vmax = 0.05;
  double tolerance = -1.0;     // of the pressure; < 0: by the force tolerance
  bool point_given = false;
  std::array<double, 3> point{};

  std::string pressure_id;
  class Compute *pressure = nullptr;

  // of a minimisation
  std::vector<rm_lammps::Matrix> basis;    // strain of each degree of freedom at length 1
  rm_lammps::Matrix h0{};                  // box vectors at the start, in columns
  std::array<double, 3> corner{};
  rm_lammps::Matrix U{}, F{}, turn{};
  FixSymmetry *symmetry = nullptr;
  bool deviates = false;                   // the stress from a hydrostatic one
  double length = 1.0, hydrostatic = 0.0, reference_volume = 0.0;
  double excess = 0.0;                     // largest, of the last evaluation
  CellVector last_forces{};
};

}    // namespace LAMMPS_NS

#endif

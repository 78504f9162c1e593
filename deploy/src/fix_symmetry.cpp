// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "fix_symmetry.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "atom.h"
#include "error.h"
#include "modify.h"
#include "update.h"

using namespace LAMMPS_NS;

FixSymmetry::FixSymmetry(LAMMPS *lmp, int narg, char **arg) : Fix(lmp, narg, arg), symmetry(lmp)
{
  scalar_flag = 1;
  global_freq = 1;
  extscalar = 0;
  if (narg != 4 || std::string(arg[3]).rfind("v_", 0) != 0)
    refuse("give a string variable with the operations: fix ID all symmetry v_NAME");
  if (igroup != 0) refuse("it needs group all");
  variable = std::string(arg[3]).substr(2);
}

void FixSymmetry::refuse(const std::string &problem) const
{
  error->all(FLERR, "Fix symmetry: " + problem);
}

int FixSymmetry::setmask()
{
  return FixConst::POST_FORCE | FixConst::MIN_POST_FORCE;
}

void FixSymmetry::init()
{
  for (const Fix *other : modify->get_fix_list())
    if (std::string(other->style) == "box/relax")
      refuse("fix box/relax does not know it: use fix box/relax/lbfgs");
  const std::string problem = symmetry.find(variable);
  if (!problem.empty()) refuse(problem);
}

void FixSymmetry::setup(int vflag)
{
  post_force(vflag);
}

void FixSymmetry::min_setup(int vflag)
{
  post_force(vflag);
}

void FixSymmetry::min_post_force(int vflag)
{
  post_force(vflag);
}

void FixSymmetry::post_force(int)
{
  taken = 0.0;
  const size_t numbers = 3 * static_cast<size_t>(atom->nlocal);
  std::vector<double> forces(numbers);
  if (numbers) std::copy(atom->f[0], atom->f[0] + numbers, forces.begin());
  symmetry.symmetrise(forces.data());
  for (size_t k = 0; k < numbers; ++k) {
    double &force = atom->f[0][k];
    taken = std::max(taken, std::abs(force - forces[k]));
    force = forces[k];
  }
}

double FixSymmetry::compute_scalar()
{
  double all;
  MPI_Allreduce(&taken, &all, 1, MPI_DOUBLE, MPI_MAX, world);
  return all;
}

extern "C" __attribute__((visibility("default"))) void *
rm_lammps_create_fix_symmetry(void *lmp, int narg, char **arg)
{
  return new FixSymmetry(static_cast<LAMMPS *>(lmp), narg, arg);
}

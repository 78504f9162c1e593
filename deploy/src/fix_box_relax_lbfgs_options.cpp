// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The arguments of fix box/relax/lbfgs, which are those of LAMMPS's fix box/relax.

#include <cmath>

#include "domain.h"
#include "error.h"
#include "fix_box_relax_lbfgs.h"
#include "utils.h"

using namespace LAMMPS_NS;

namespace {

const std::string names[6] = {"x", "y", "z", "yz", "xz", "xy"};
constexpr const char *known = "iso, aniso, tri, x, y, z, xy, yz, xz, couple, vmax, fixedpoint, ptol";

}    // namespace

void FixBoxRelaxLBFGS::refuse(const std::string &problem) const
{
  error->all(FLERR, "Fix box/relax/lbfgs: " + problem);
}

void FixBoxRelaxLBFGS::read_arguments(int narg, char **arg)
{
  int at = 3;
  while (at < narg) {
    const std::string key = arg[at];
    if (const int read = read_pressure(narg, arg, at); read > 0) {
      at += read;
      continue;
    }
    if (key == "nreset" || key == "dilate" || key.rfind("scale", 0) == 0)
      refuse("keyword '" + key + "' of box/relax has no meaning here; known are: " + known);
    const int values = key == "fixedpoint" ? 3 : 1;
    if (key != "couple" && key != "vmax" && key != "ptol" && key != "fixedpoint")
      refuse("unknown keyword '" + key + "'; known are: " + known);
    if (at + values >= narg) refuse("a value is missing after " + key);
    if (key == "couple") {
      read_couple(arg[at + 1]);
    } else if (key == "vmax") {
      vmax = utils::numeric(FLERR, arg[at + 1], false, lmp);
      if (!(vmax > 0.0)) refuse("vmax must be above 0");
    } else if (key == "ptol") {
      tolerance = utils::numeric(FLERR, arg[at + 1], false, lmp);
      if (!(tolerance > 0.0)) refuse("ptol must be above 0");
    } else {
      point_given = true;
      for (int i = 0; i < 3; ++i) point[i] = utils::numeric(FLERR, arg[at + 1 + i], false, lmp);
    }
    at += 1 + values;
  }
  if (isotropic)
    for (int k = 0; k < 3; ++k)
      if (given[k]) coupled[k] = 0;
}

// A pressure with what it belongs to; returns the number of arguments, 0 for another keyword.
int FixBoxRelaxLBFGS::read_pressure(int narg, char **arg, int at)
{
  const std::string key = arg[at];
  const bool several = key == "iso" || key == "aniso" || key == "tri";
  int which = 0;
  while (which < 6 && names[which] != key) ++which;
  if (!several && which == 6) return 0;
  if (at + 1 >= narg) refuse("a pressure is missing after " + key);
  const double value = utils::numeric(FLERR, arg[at + 1], false, lmp);
  if (!std::isfinite(value)) refuse("the pressure must be a number");
  const auto give = [&](int k, double of) {
    given[k] = true;
    target[k] = of;
  };
  if (!several) {
    give(which, value);
    return 2;
  }
  const bool flat = domain->dimension == 2;
  for (int k = 0; k < (flat ? 2 : 3); ++k) give(k, value);
  isotropic |= key == "iso";
  if (key == "tri")
    for (int k = flat ? 5 : 3; k < 6; ++k) give(k, 0.0);
  return 2;
}

void FixBoxRelaxLBFGS::read_couple(const std::string &value)
{
  if (value != "xyz" && value != "xy" && value != "yz" && value != "xz" && value != "none")
    refuse("couple must be none, xyz, xy, yz or xz, not " + value);
  if (value == "none") return;
  const int first = value[0] - 'x';
  for (const char axis : value) coupled[axis - 'x'] = first;
}

void FixBoxRelaxLBFGS::check() const
{
  if (igroup != 0) refuse("it deforms all atoms: use group all");
  const bool periodic[3] = {domain->xperiodic != 0, domain->yperiodic != 0,
                            domain->zperiodic != 0};
  constexpr int rows[6] = {0, 1, 2, 1, 0, 0}, columns[6] = {0, 1, 2, 2, 2, 1};
  bool any = false;
  for (int k = 0; k < 6; ++k) {
    if (!given[k]) continue;
    any = true;
    if (!periodic[rows[k]] || !periodic[columns[k]])
      refuse(names[k] + " needs a box that is periodic along " +
             (k < 3 ? names[k] : names[rows[k]] + " and " + names[columns[k]]));
    if (domain->dimension == 2 && columns[k] == 2) refuse(names[k] + " is fixed in two dimensions");
    if (k > 2 && !domain->triclinic)
      refuse(names[k] + " needs a triclinic box: use change_box all triclinic before the fix");
  }
  if (!any) refuse("give a pressure: iso, aniso, tri, x, y, z, xy, yz or xz");
  for (int k = 0; k < 3; ++k) {
    const int other = coupled[k];
    if (other != k && given[k] != given[other])
      refuse("coupled directions need a pressure each");
    if (given[k] && target[k] != target[other]) refuse("coupled directions need one pressure");
  }
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "native.h"

extern "C" __attribute__((visibility("default"))) rm_lammps::Kernel *
rm_lammps_create_kernel(const std::string &weights, const std::vector<double> &cutoffs)
{
  return new rm_lammps::NativeModel(weights, cutoffs);
}

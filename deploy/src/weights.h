// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_WEIGHTS_H
#define RM_LAMMPS_WEIGHTS_H

#include <string>

#include "model.h"

namespace rm_lammps {

// Whether a file holds weights for the kernel, and not a compiled graph.
bool holds_weights(const std::string &path);

// What such a file says of its model, and the weights themselves; throw ModelError.
Metadata read_weights_metadata(const std::string &path);
std::string read_weights(const std::string &path);

}    // namespace rm_lammps

#endif

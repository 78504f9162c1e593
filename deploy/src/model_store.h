// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_MODEL_STORE_H
#define RM_LAMMPS_MODEL_STORE_H

#include <memory>
#include <string>

#include "model.h"

namespace rm_lammps {

// The model of a file on a device: loaded at the first call, then shared by every LAMMPS instance
// of the process until it ends. A file that was replaced is loaded anew. Throws ModelError.
std::shared_ptr<Model> shared_model(const std::string &path, int device_index, int threads);

// Metadata of a file, remembered in the same way. Throws ModelError.
Metadata shared_metadata(const std::string &path);

}    // namespace rm_lammps

#endif

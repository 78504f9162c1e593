// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "model.h"

#include <unistd.h>

#include <cstdlib>

#include "beside.h"
#include "graphs.h"
#include "kernel.h"
#include "weights.h"

namespace rm_lammps {

namespace {

constexpr const char *graphs_variable = "RM_LAMMPS_GRAPHS";

const GraphLibrary &open_graph_library()
{
  std::string library = own_folder() + "liballegro_graphs.so", why;
  const char *elsewhere = std::getenv(graphs_variable);
  if (elsewhere && access(library.c_str(), F_OK) != 0) library = elsewhere;
  void *open = function_of(library, open_graph_library_name, why);
  if (!open)
    throw ModelError("The part of the plugin for compiled graphs could not be loaded: " + why +
                     ". rm-deploy builds it, with torch installed");
  return *reinterpret_cast<OpenGraphLibrary>(open)();
}

}    // namespace

const GraphLibrary &graph_library()
{
  static const GraphLibrary &only = open_graph_library();
  return only;
}

Metadata read_metadata(const std::string &path)
{
  return holds_weights(path) ? read_weights_metadata(path) : graph_library().read_metadata(path);
}

Model::Model(const std::string &path, Metadata metadata, int device_index, int threads) :
    path_(path), metadata_(std::move(metadata)), device_index_(device_index), threads_(threads)
{
}

Model::~Model() = default;

void Model::load(Target target)
{
  const std::lock_guard<std::mutex> lock(mutex_);
  if (target != Target::native) {
    if (!graphs_) graphs_.reset(graph_library().create(path_, metadata_, device_index_, threads_));
    graphs_->load(target);
    return;
  }
  if (kernel_) return;
  try {
    kernel_ = create_kernel(read_weights(path_), metadata_.cutoffs);
  } catch (const ModelError &) {
    throw;
  } catch (const std::exception &error) {
    throw ModelError("The weights in " + path_ + " could not be read (" + error.what() +
                     "): write them again with rm-deploy");
  }
}

}    // namespace rm_lammps

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_BESIDE_H
#define RM_LAMMPS_BESIDE_H

// The libraries of the plugin lie in one folder, and open each other when a script needs them.

#include <dlfcn.h>

#include <string>

namespace rm_lammps {

// Folder of the library that this is compiled into, with a slash at its end; empty if unknown.
static inline std::string own_folder()
{
  Dl_info info{};
  if (dladdr(reinterpret_cast<void *>(&own_folder), &info) == 0 || !info.dli_fname) return "";
  const std::string path = info.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Function of a library; if there is none, nullptr and the reason in `why`.
static inline void *function_of(const std::string &library, const char *function, std::string &why)
{
  // never unloaded: loaded models survive "clear", and torch can't be loaded twice
  void *opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void *found = opened ? dlsym(opened, function) : nullptr;
  if (found) return found;
  const char *reason = dlerror();
  why = reason ? reason : library + " is not of this plugin";
  return nullptr;
}

}    // namespace rm_lammps

#endif

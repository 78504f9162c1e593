// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include <cstdlib>

#include "beside.h"
#include "kernel.h"
#include "model.h"

namespace rm_lammps {

namespace {

constexpr const char *limit_variable = "RM_LAMMPS_CPU";

struct Kind {
  const char *name;
  bool (*suits)();
};

// the newest first; CMakeLists.txt builds a library for each
constexpr Kind kinds[] = {
#if defined(__x86_64__)
    {"x86-64-v4",
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
     }},
    {"x86-64-v3",
     [] {
       return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
     }},
    {"x86-64-v2",
     [] { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }},
#else
    {"generic", [] { return true; }},
#endif
};

}    // namespace

std::string kernel_cpu()
{
  const char *text = std::getenv(limit_variable);
  const std::string limit = text ? text : "";
  std::string known;
  bool allowed = limit.empty(), older = false;
  for (const auto &kind : kinds) {
    known += std::string(" ") + kind.name;
    allowed = allowed || limit == kind.name;
    if (allowed && kind.suits()) return kind.name;
    older = older || allowed;
  }
  if (older) throw ModelError(std::string("This CPU is older than all that the kernel is for:") + known);
  throw ModelError(std::string("Environment variable ") + limit_variable + "=" + limit +
                   ": known kinds of CPU are" + known);
}

std::unique_ptr<Kernel> create_kernel(const std::string &weights,
                                      const std::vector<double> &cutoffs)
{
  const std::string library = own_folder() + "liballegro_kernel_" + kernel_cpu() + ".so";
  std::string why;
  void *create = function_of(library, create_kernel_name, why);
  if (!create) throw ModelError("The kernel could not be loaded: " + why);
  return std::unique_ptr<Kernel>(reinterpret_cast<CreateKernel>(create)(weights, cutoffs));
}

}    // namespace rm_lammps

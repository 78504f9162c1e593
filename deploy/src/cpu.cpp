// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// Compiled for any CPU: the kernel's instructions would be illegal before this has answered.

#include "cpu.h"

namespace rm_lammps {

#if defined(__x86_64__)
std::string missing_features(std::uint64_t needed)
{
  std::string missing;
#define RM_CHECK(name, text) \
  if ((needed & bit(cpu_##name)) && !__builtin_cpu_supports(text)) missing += " " text;
  RM_CPU_FEATURES(RM_CHECK)
#undef RM_CHECK
  return missing.empty() ? missing : missing.substr(1);
}
#else
std::string missing_features(std::uint64_t)
{
  return "";
}
#endif

}    // namespace rm_lammps

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_CPU_H
#define RM_LAMMPS_CPU_H

#include <cstdint>
#include <string>

// The extensions of x86 that a compiler may use in the kernel: name, and name in the compiler's
// __builtin_cpu_supports.
#define RM_CPU_FEATURES(each) \
  each(avx, "avx") each(avx2, "avx2") each(fma, "fma") each(bmi, "bmi") each(bmi2, "bmi2") \
  each(avx512f, "avx512f") each(avx512cd, "avx512cd") each(avx512bw, "avx512bw") \
  each(avx512dq, "avx512dq") each(avx512vl, "avx512vl") each(avx512ifma, "avx512ifma") \
  each(avx512vbmi, "avx512vbmi") each(avx512vbmi2, "avx512vbmi2") \
  each(avx512vnni, "avx512vnni") each(avx512bitalg, "avx512bitalg") \
  each(avx512vpopcntdq, "avx512vpopcntdq") each(sse4_1, "sse4.1") each(sse4_2, "sse4.2") \
  each(ssse3, "ssse3") each(popcnt, "popcnt") each(fma4, "fma4") each(xop, "xop")

namespace rm_lammps {

enum CpuFeature {
#define RM_NUMBER(name, text) cpu_##name,
  RM_CPU_FEATURES(RM_NUMBER)
#undef RM_NUMBER
};

constexpr std::uint64_t bit(CpuFeature feature)
{
  return std::uint64_t(1) << feature;
}

// Those that the kernel was compiled with; 0 on other kinds of CPUs.
extern const std::uint64_t kernel_features;

// Names of those that this CPU lacks, empty if it has all.
std::string missing_features(std::uint64_t needed);

}    // namespace rm_lammps

#endif

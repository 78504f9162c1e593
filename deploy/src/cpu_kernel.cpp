// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// Compiled as the kernel is, which the compiler tells through these names. Data alone: no
// instruction of this file runs.

#include "cpu.h"

namespace rm_lammps {

const std::uint64_t kernel_features = 0
#ifdef __AVX__
    | bit(cpu_avx)
#endif
#ifdef __AVX2__
    | bit(cpu_avx2)
#endif
#ifdef __FMA__
    | bit(cpu_fma)
#endif
#ifdef __BMI__
    | bit(cpu_bmi)
#endif
#ifdef __BMI2__
    | bit(cpu_bmi2)
#endif
#ifdef __AVX512F__
    | bit(cpu_avx512f)
#endif
#ifdef __AVX512CD__
    | bit(cpu_avx512cd)
#endif
#ifdef __AVX512BW__
    | bit(cpu_avx512bw)
#endif
#ifdef __AVX512DQ__
    | bit(cpu_avx512dq)
#endif
#ifdef __AVX512VL__
    | bit(cpu_avx512vl)
#endif
#ifdef __AVX512IFMA__
    | bit(cpu_avx512ifma)
#endif
#ifdef __AVX512VBMI__
    | bit(cpu_avx512vbmi)
#endif
#ifdef __AVX512VBMI2__
    | bit(cpu_avx512vbmi2)
#endif
#ifdef __AVX512VNNI__
    | bit(cpu_avx512vnni)
#endif
#ifdef __AVX512BITALG__
    | bit(cpu_avx512bitalg)
#endif
#ifdef __AVX512VPOPCNTDQ__
    | bit(cpu_avx512vpopcntdq)
#endif
#ifdef __SSE4_1__
    | bit(cpu_sse4_1)
#endif
#ifdef __SSE4_2__
    | bit(cpu_sse4_2)
#endif
#ifdef __SSSE3__
    | bit(cpu_ssse3)
#endif
#ifdef __POPCNT__
    | bit(cpu_popcnt)
#endif
#ifdef __FMA4__
    | bit(cpu_fma4)
#endif
#ifdef __XOP__
    | bit(cpu_xop)
#endif
    ;

}    // namespace rm_lammps

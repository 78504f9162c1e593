// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// Random numbers without a state: the generator Philox4x32-10 (Salmon et al., SC'11,
// doi:10.1145/2063384.2063405). A number is a function of what it is for, so that any rank draws
// the same for an atom.

#ifndef RM_LAMMPS_PHILOX_H
#define RM_LAMMPS_PHILOX_H

#include <array>
#include <cmath>
#include <cstdint>

namespace rm_lammps {

using Words = std::array<uint32_t, 4>;

inline Words philox(Words counter, std::array<uint32_t, 2> key)
{
  constexpr uint64_t factors[2] = {0xD2511F53u, 0xCD9E8D57u};
  constexpr uint32_t steps[2] = {0x9E3779B9u, 0xBB67AE85u};
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = factors[0] * counter[0], second = factors[1] * counter[2];
    counter = {static_cast<uint32_t>(second >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(second),
               static_cast<uint32_t>(first >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(first)};
    key[0] += steps[0];
    key[1] += steps[1];
  }
  return counter;
}

// Four independent numbers of the standard normal distribution, by Box and Muller.
inline std::array<double, 4> unit_normals(uint32_t seed, uint32_t stream, uint64_t step,
                                          uint64_t item)
{
  const Words words = philox({static_cast<uint32_t>(item), static_cast<uint32_t>(item >> 32),
                              static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32)},
                             {seed, stream});
  std::array<double, 4> normals{};
  for (int pair = 0; pair < 2; ++pair) {
    constexpr double turn = 2.0 * 3.14159265358979323846;
    const double uniform = (words[2 * pair] + 0.5) * 0x1p-32;    // never zero
    const double length = std::sqrt(-2.0 * std::log(uniform));
    const double angle = turn * (words[2 * pair + 1] * 0x1p-32);
    normals[2 * pair] = length * std::cos(angle);
    normals[2 * pair + 1] = length * std::sin(angle);
  }
  return normals;
}

}    // namespace rm_lammps

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Known answers of the generator, and normal numbers: one line each.

#include <cstdio>

#include "philox.h"

int main()
{
  const rm_lammps::Words counters[] = {{0, 0, 0, 0},
                                       {~0u, ~0u, ~0u, ~0u},
                                       {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  const std::array<uint32_t, 2> keys[] = {{0, 0}, {~0u, ~0u}, {0xa4093822, 0x299f31d0}};
  for (int i = 0; i < 3; ++i) {
    const auto words = rm_lammps::philox(counters[i], keys[i]);
    std::printf("%08x %08x %08x %08x\n", words[0], words[1], words[2], words[3]);
  }
  for (uint64_t item = 1; item <= 250000; ++item)
    for (const double number : rm_lammps::unit_normals(1, 0, 1, item))
      std::printf("%.9g\n", number);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Evaluates central atoms with the kernel alone: kernel WEIGHTS INPUT [forgetful]. The input holds the number
// of types, their cutoffs, the number of atoms, and for each its type, its number of edges and
// their types and vectors. Printed for each atom: energy, gradients; to stderr the memory in bytes.

#include <cstdio>
#include <fstream>
#include <sstream>

#include <type_traits>

#include "native.h"

// its tables point into their own storage
static_assert(!std::is_copy_constructible_v<rm_lammps::NativeModel>);
static_assert(!std::is_copy_assignable_v<rm_lammps::NativeModel>);

int main(int count, char **arguments)
{
  std::ifstream file(arguments[1], std::ios::binary), input(arguments[2]);
  std::stringstream weights;
  weights << file.rdbuf();
  int types = 0, atoms = 0;
  input >> types;
  std::vector<double> cutoffs(types * types);
  for (auto &cutoff : cutoffs) input >> cutoff;
  rm_lammps::NativeModel model(weights.str(), cutoffs);
  if (count > 3) model.table_budget = model.patience = 0;
  input >> atoms;
  for (int atom = 0; atom < atoms; ++atom) {
    int type = 0, edges = 0;
    input >> type >> edges;
    std::vector<int> neighbours(edges);
    std::vector<double> vectors(3 * edges);
    std::vector<float> gradients(3 * edges);
    for (auto &neighbour : neighbours) input >> neighbour;
    for (auto &component : vectors) input >> component;
    std::printf("%.15g", model.evaluate(type, edges, neighbours.data(), vectors.data(),
                                        gradients.data()));
    for (const float component : gradients) std::printf(" %.9g", component);
    std::printf("\n");
  }
  std::fprintf(stderr, "%.0f\n", model.memory());
}

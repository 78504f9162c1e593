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
  std::vector<int> centres(atoms), neighbours;
  std::vector<size_t> first = {0};
  std::vector<double> vectors, energies(atoms);
  for (auto &centre : centres) {
    size_t edges = 0;
    input >> centre >> edges;
    first.push_back(first.back() + edges);
    neighbours.resize(first.back());
    vectors.resize(3 * first.back());
    for (size_t k = first.back() - edges; k < first.back(); ++k) input >> neighbours[k];
    for (size_t k = 3 * (first.back() - edges); k < vectors.size(); ++k) input >> vectors[k];
  }
  std::vector<float> gradients(vectors.size());
  model.evaluate({atoms, centres.data(), first.data(), neighbours.data(), vectors.data()},
                 energies.data(), gradients.data());
  for (int atom = 0; atom < atoms; ++atom) {
    std::printf("%.15g", energies[atom]);
    for (size_t k = 3 * first[atom]; k < 3 * first[atom + 1]; ++k)
      std::printf(" %.9g", gradients[k]);
    std::printf("\n");
  }
  std::fprintf(stderr, "%.0f\n", model.memory());
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "symmetric_atoms.h"

#include <algorithm>
#include <vector>

#include "atom.h"
#include "domain.h"
#include "input.h"
#include "variable.h"

namespace rm_lammps {

Matrix box_vectors(const LAMMPS_NS::Domain *domain)
{
  const double *h = domain->h;    // xx, yy, zz, yz, xz, xy
  return {{{h[0], h[5], h[4]}, {0.0, h[1], h[3]}, {0.0, 0.0, h[2]}}};
}

std::string SymmetricAtoms::find(const std::string &variable)
{
  const int index = input->variable->find(variable.c_str());
  if (index < 0) return "there is no variable '" + variable + "' with operations of symmetry";
  const char *text = input->variable->retrieve(variable.c_str());
  std::string problem = symmetry.read(text ? text : "");
  if (!problem.empty())
    return "variable '" + variable + "' can't be read as operations of symmetry: " + problem;
  if (!domain->xperiodic || !domain->yperiodic || !domain->zperiodic)
    return "symmetry needs a box that is periodic in all directions";
  if (!atom->tag_enable || !atom->tag_consecutive())
    return "symmetry needs atom IDs from 1 to the number of atoms";

  const size_t atoms = static_cast<size_t>(atom->natoms);
  std::vector<double> places(3 * atoms, 0.0);
  std::vector<int> types(atoms, 0);
  for (int i = 0; i < atom->nlocal; ++i) {
    const size_t number = static_cast<size_t>(atom->tag[i]) - 1;
    double lamda[3];
    domain->x2lamda(atom->x[i], lamda);
    std::copy(lamda, lamda + 3, &places[3 * number]);
    types[number] = atom->type[i];
  }
  MPI_Allreduce(MPI_IN_PLACE, places.data(), static_cast<int>(3 * atoms), MPI_DOUBLE, MPI_SUM,
                world);
  MPI_Allreduce(MPI_IN_PLACE, types.data(), static_cast<int>(atoms), MPI_INT, MPI_SUM, world);
  problem = symmetry.match(places, types, box_vectors(domain));
  if (problem.empty()) return "";
  return "the atoms have not the symmetry of '" + variable + "': " + problem;
}

void SymmetricAtoms::symmetrise(double *vectors) const
{
  const double *back = domain->h_inv;
  std::vector<double> all(3 * static_cast<size_t>(atom->natoms), 0.0);
  for (int i = 0; i < atom->nlocal; ++i) {
    const double *own = vectors + 3 * static_cast<size_t>(i);
    double *lamda = &all[3 * (static_cast<size_t>(atom->tag[i]) - 1)];
    lamda[0] = back[0] * own[0] + back[5] * own[1] + back[4] * own[2];
    lamda[1] = back[1] * own[1] + back[3] * own[2];
    lamda[2] = back[2] * own[2];
  }
  MPI_Allreduce(MPI_IN_PLACE, all.data(), static_cast<int>(all.size()), MPI_DOUBLE, MPI_SUM,
                world);
  all = symmetry.symmetric(all);
  const double *h = domain->h;
  for (int i = 0; i < atom->nlocal; ++i) {
    const double *lamda = &all[3 * (static_cast<size_t>(atom->tag[i]) - 1)];
    double *own = vectors + 3 * static_cast<size_t>(i);
    own[0] = h[0] * lamda[0] + h[5] * lamda[1] + h[4] * lamda[2];
    own[1] = h[1] * lamda[1] + h[3] * lamda[2];
    own[2] = h[2] * lamda[2];
  }
}

Matrix SymmetricAtoms::symmetric(const Matrix &strain) const
{
  return symmetry.symmetric(strain, box_vectors(domain));
}

}    // namespace rm_lammps

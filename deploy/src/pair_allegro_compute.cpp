// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The part of the pair style that runs at every step.

#include <algorithm>
#include <cmath>

#include "atom.h"
#include "error.h"
#include "kernel.h"
#include "neigh_list.h"
#include "pair_allegro.h"
#include "update.h"

using namespace LAMMPS_NS;
using rm_lammps::Target;

static constexpr int steps_between_checks = 10;    // where no energy is asked for

void PairAllegro::compute(int eflag, int vflag)
{
  evaluations += 1.0;
  ev_init(eflag, vflag);
  if ((vflag_atom || cvflag_atom) && target == Target::positions)
    error->all(FLERR,
               "Pair style allegro: this model gives no stress of single atoms; compile it with "
               "rm-deploy, whose files hold the edge target");
  note(evaluate());
  // Collective, so that every rank raises and none waits for ever for another. Energies are summed
  // over the ranks anyway; in between, ranks need not wait for each other at every step.
  if (eflag || ++unchecked >= steps_between_checks) {
    unchecked = 0;
    collective(fault);
  }
  if (vflag_fdotr) virial_fdotr_compute();
}

// Keeps the first problem of this rank until the ranks look for it together. Forces that might not
// be numbers would end the run with an error of LAMMPS's before.
void PairAllegro::note(const std::string &problem)
{
  if (problem.empty()) return;
  for (int i = 0; i < atom->nlocal + atom->nghost; ++i)
    for (int k = 0; k < 3; ++k) atom->f[i][k] = 0.0;
  if (fault.empty()) fault = problem + " (step " + std::to_string(update->ntimestep) + ")";
}

rm_lammps::Atoms PairAllegro::atoms() const
{
  rm_lammps::Atoms view;
  view.x = atom->x;
  view.type = atom->type;
  view.model_type = model_types.data();
  view.total = atom->nlocal + atom->nghost;
  view.ncentres = list->inum;
  view.centres = list->ilist;
  view.nneighbours = list->numneigh;
  view.neighbours = list->firstneigh;
  view.mask = NEIGHMASK;
  return view;
}

void PairAllegro::check_finite(const rm_lammps::Atoms &view) const
{
  for (int i = 0; i < view.total; ++i)
    if (!std::isfinite(view.x[i][0] + view.x[i][1] + view.x[i][2]))
      throw rm_lammps::ModelError("Pair style allegro: the position of atom " +
                                  std::to_string(atom->tag[i]) +
                                  " is not a number; the simulation has blown up");
}

// Returns what went wrong, empty if nothing did.
std::string PairAllegro::evaluate()
{
  try {
    const auto view = atoms();
    check_finite(view);
    const std::lock_guard<std::mutex> lock(model->mutex());
    const bool edges = target == Target::edges;
    const size_t chunk = rm_lammps::edges_at_once(block_edges);
    for (int begin = 0; begin < view.ncentres;) {
      begin = near.gather(view, model->metadata(), begin, chunk);
      if (target == Target::native) {
        evaluate_native(view);
        continue;
      }
      rm_lammps::Blocks blocks(near, block_edges, edges);
      while (blocks.next()) {
        if (edges)
          evaluate_edges(view, blocks.rows());
        else
          evaluate_positions(view, blocks.rows());
      }
    }
  } catch (const rm_lammps::Clash &clash) {
    return "Pair style allegro: atoms " + std::to_string(atom->tag[clash.i]) + " and " +
        std::to_string(atom->tag[clash.j]) + " are at the same place";
  } catch (const std::exception &failure) {
    return failure.what();
  }
  return "";
}

void PairAllegro::tally_energy(int i, double energy)
{
  if (!std::isfinite(energy))
    throw rm_lammps::ModelError("Pair style allegro: the energy of atom " +
                                std::to_string(atom->tag[i]) +
                                " is not a number; is it nearly on top of another?");
  if (!isolated.empty()) energy -= isolated[model_types[atom->type[i]]];
  if (eflag_global) eng_vdwl += energy_unit * energy;
  if (eflag_atom) eatom[i] += energy_unit * energy;
}

void PairAllegro::evaluate_positions(const rm_lammps::Atoms &view, const std::vector<int> &rows)
{
  positions.fill(view, near, rows, model->metadata().r_max, block);
  model->graphs().evaluate_positions(block, result);
  for (size_t row = 0; row < rows.size(); ++row)
    tally_energy(near.centre(rows[row]), result.energies[row]);
  const auto &nodes = positions.nodes();
  for (size_t node = 0; node < nodes.size(); ++node)
    for (int k = 0; k < 3; ++k)
      atom->f[nodes[node]][k] += energy_unit * result.forces[3 * node + k];
  if (!vflag_global || vflag_fdotr) return;
  static constexpr int voigt[6] = {0, 4, 8, 1, 2, 5};
  for (int k = 0; k < 6; ++k) virial[k] += energy_unit * result.virial[voigt[k]];
}

void PairAllegro::evaluate_edges(const rm_lammps::Atoms &view, const std::vector<int> &rows)
{
  rm_lammps::fill_edges(view, near, rows, model->metadata(), block);
  model->graphs().evaluate_edges(block, result);
  for (size_t row = 0; row < rows.size(); ++row)
    tally_energy(near.centre(rows[row]), result.energies[row]);
  for (int row = 0; row < block.centres; ++row) {
    const size_t offset = 3 * rm_lammps::padded_edges(row, block.width);
    if (model->metadata().edge_double)
      scatter_edges(rows[row], result.gradients_double + offset);
    else
      scatter_edges(rows[row], result.gradients + offset);
  }
}

void PairAllegro::evaluate_native(const rm_lammps::Atoms &view)
{
  const auto type_of = [&view](int i) { return view.model_type[view.type[i]]; };
  const int count = near.size();
  centre_types.resize(count);
  energies.resize(count);
  for (int row = 0; row < count; ++row) centre_types[row] = type_of(near.centre(row));
  const size_t edges = near.first()[count];
  neighbour_types.resize(edges);
  gradients.resize(3 * edges);
  std::transform(near.neighbours(0), near.neighbours(0) + edges, neighbour_types.begin(), type_of);
  model->native().evaluate({count, centre_types.data(), near.first(), neighbour_types.data(),
                            near.vectors(0)}, energies.data(), gradients.data());
  for (int row = 0; row < count; ++row) {
    tally_energy(near.centre(row), energies[row]);
    scatter_edges(row, gradients.data() + 3 * near.first()[row]);
  }
}

template <typename T> void PairAllegro::scatter_edges(int row, const T *gradients)
{
  double own[3] = {0.0, 0.0, 0.0};
  const int *neighbours = near.neighbours(row);
  for (int k = 0; k < near.degree(row); ++k) {
    double *f = atom->f[neighbours[k]];
    for (int a = 0; a < 3; ++a) {
      const double push = energy_unit * gradients[3 * k + a];
      own[a] += push;
      f[a] -= push;
    }
  }
  for (int a = 0; a < 3; ++a) atom->f[near.centre(row)][a] += own[a];
  if ((vflag_global && !vflag_fdotr) || vflag_atom || cvflag_atom) tally_edges(row, gradients);
}

// The energy of the central atom i pulls neighbour j at x_j - x_i with the force -dE_i/dr_ij: all
// of that virial belongs to j. It is the only choice with which the heat flux is right: Fan et
// al., Phys. Rev. B 92, 094301 (2015); Surblys et al., Phys. Rev. E 99, 051301 (2019).
template <typename T> void PairAllegro::tally_edges(int row, const T *gradients)
{
  static constexpr int first[9] = {0, 1, 2, 0, 0, 1, 1, 2, 2};     // of the vector
  static constexpr int second[9] = {0, 1, 2, 1, 2, 2, 0, 0, 1};    // of the force
  const int *neighbours = near.neighbours(row);
  const double *vectors = near.vectors(row);
  for (int k = 0; k < near.degree(row); ++k) {
    double full[9];
    for (int c = 0; c < 9; ++c)
      full[c] = -energy_unit * vectors[3 * k + first[c]] * gradients[3 * k + second[c]];
    const int j = neighbours[k];
    if (cvflag_atom)
      for (int c = 0; c < 9; ++c) cvatom[j][c] += full[c];
    if (!vflag_atom && !(vflag_global && !vflag_fdotr)) continue;
    for (int c = 0; c < 6; ++c) {
      const double value = c < 3 ? full[c] : 0.5 * (full[c] + full[c + 3]);
      if (vflag_atom) vatom[j][c] += value;
      if (vflag_global && !vflag_fdotr) virial[c] += value;
    }
  }
}

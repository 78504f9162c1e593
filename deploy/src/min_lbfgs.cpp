// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "min_lbfgs.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "error.h"
#include "modify.h"
#include "output.h"
#include "timer.h"
#include "update.h"

using namespace LAMMPS_NS;
using rm_lammps::lbfgs_pairs;
using rm_lammps::Matrix;
using rm_lammps::Point;

namespace {

constexpr double enough_fall = 1e-4;      // of the energy, over what the slope promises
constexpr double flat_enough = 0.9;       // slope, over that of the start
constexpr double noise = 1e-7;            // of an energy, relative: slopes alone are to be trusted
constexpr int most_trials = 12;           // on one line

}    // namespace

MinLBFGS::MinLBFGS(LAMMPS *lmp) : Min(lmp) {}

void MinLBFGS::refuse(const std::string &problem) const
{
  error->all(FLERR, "Min style lbfgs: " + problem);
}

void MinLBFGS::init()
{
  Min::init();
  box = nullptr;
  for (Fix *fix : modify->get_fix_list())
    if (std::string(fix->style) == "box/relax/lbfgs") box = dynamic_cast<FixBoxRelaxLBFGS *>(fix);
}

void MinLBFGS::setup_style()
{
  if (nextra_global) refuse("it knows the fix box/relax/lbfgs, and no other one that minimises");
  if (nextra_atom) refuse("it moves atoms, and nothing else that a pair style may want moved");
  for (int k = 0; k < 2 + 2 * lbfgs_pairs; ++k) fix_minimize->add_vector(3);
  history.clear();
  scale = 1.0;
}

void MinLBFGS::reset_vectors()
{
  nvec = 3 * atom->nlocal;
  if (nvec) xvec = atom->x[0];
  if (nvec) fvec = atom->f[0];
  direction.atoms = fix_minimize->request_vector(0);
  force.atoms = fix_minimize->request_vector(1);
  for (int k = 0; k < 2 * lbfgs_pairs; ++k) pairs[k].atoms = fix_minimize->request_vector(2 + k);
}

int MinLBFGS::iterate(int steps)
{
  // what setup() evaluated is the first point
  here.energy = pe_compute->scalar;
  cell_force = box ? box->forces() : CellVector{};
  if (box) here.energy += box->work();
  eprevious = einitial = ecurrent;
  store_force(force);
  if (converged()) return FTOL;
  downhill();

  for (int iteration = 0; iteration < steps; ++iteration) {
    if (timer->check_timeout(niter)) return TIMEOUT;
    const bigint step = ++update->ntimestep;
    ++niter;
    if (box) box->tally();

    const double before = here.energy;
    if (!search()) {
      if (history.empty()) return ZEROALPHA;
      history.clear();
      downhill();
      if (!search()) return ZEROALPHA;
    }
    alpha_final = here.at;
    learn(here.at);

    if (converged()) return FTOL;
    if (neval >= update->max_eval) return MAXEVAL;
    const double change = std::abs(here.energy - before);
    if (change < update->etol * 0.5 * (std::abs(here.energy) + std::abs(before) + 1e-8))
      return ETOL;
    if (!choose_direction()) {
      history.clear();
      downhill();
    }
    if (output->next == step) {
      timer->stamp();
      output->write(step);
      timer->stamp(Timer::OUTPUT);
    }
  }
  return MAXITER;
}

// ---- the function and its gradient

void MinLBFGS::evaluate()
{
  ecurrent = energy_force(0);    // nothing refers to where atoms were: nothing is to be reset
  ++neval;
  here.energy = pe_compute->scalar;
  cell_force = {};
  if (box) {
    cell_force = box->forces();
    const double work = box->work();
    // LAMMPS may count energies by atom
    ecurrent += here.energy != 0.0 ? work * ecurrent / here.energy : work;
    here.energy += work;
  }
}

// Forces on q: those on the atoms, pulled back by the deformation.
void MinLBFGS::store_force(Joint &into) const
{
  into.cell = cell_force;
  if (!box) {
    std::copy(fvec, fvec + nvec, into.atoms);
    return;
  }
  const Matrix &F = box->deformation();
  for (int i = 0; i < nvec; i += 3) {
    const double *f = fvec + i;
    double *own = into.atoms + i;
    for (int k = 0; k < 3; ++k) own[k] = F[0][k] * f[0] + F[1][k] * f[1] + F[2][k] * f[2];
  }
}

double MinLBFGS::product(const double *a, const double *b) const
{
  double sum = 0.0;
  for (int i = 0; i < nvec; ++i) sum += a[i] * b[i];
  return sum;
}

// ---- steps

void MinLBFGS::go_to(double at)
{
  const double part = at - here.at;
  if (box) {
    CellVector step{};
    for (size_t k = 0; k < step.size(); ++k) step[k] = part * direction.cell[k];
    box->deform(step);
    const Matrix &F = box->deformation();
    for (int i = 0; i < nvec; i += 3) {
      const double *d = direction.atoms + i;
      for (int k = 0; k < 3; ++k)
        xvec[i + k] += part * (F[k][0] * d[0] + F[k][1] * d[1] + F[k][2] * d[2]);
    }
  } else {
    for (int i = 0; i < nvec; ++i) xvec[i] += part * direction.atoms[i];
  }
  here.at = at;
  evaluate();

  double mine = 0.0;
  if (box) {
    const Matrix &F = box->deformation();
    for (int i = 0; i < nvec; i += 3) {
      const double *d = direction.atoms + i, *f = fvec + i;
      for (int k = 0; k < 3; ++k) mine += f[k] * (F[k][0] * d[0] + F[k][1] * d[1] + F[k][2] * d[2]);
    }
  } else {
    mine = product(fvec, direction.atoms);
  }
  double all;
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, world);
  here.slope = -(all + dot(cell_force, direction.cell));
}

bool MinLBFGS::too_high(const Point &start, const Point &now) const
{
  const double rise = now.energy - start.energy;
  if (!std::isfinite(rise) || !std::isfinite(now.slope)) return true;
  if (rise <= enough_fall * now.at * start.slope) return false;
  // near the end differences of energies drown in noise, slopes do not
  return rise > noise * std::abs(start.energy) || now.slope > -0.8 * start.slope;
}

// From the point of the direction to a lower one.
bool MinLBFGS::search()
{
  const Point start = here;
  Point low = start, high;
  bool bracketed = false;
  double next = std::min(1.0, longest);
  for (int trial = 0; trial < most_trials; ++trial) {
    go_to(next);
    if (too_high(start, here)) {
      high = here;
      bracketed = true;
    } else if (here.slope >= flat_enough * start.slope || here.at >= longest) {
      return true;
    } else {
      const Point before = low;
      low = here;
      if (!bracketed) {
        next = std::min(rm_lammps::beyond(before, here), longest);
        continue;
      }
    }
    next = rm_lammps::between(low, high);
  }
  if (here.at != low.at) go_to(low.at);
  return low.at > start.at;
}

// Make of the step from the direction's point to this one a pair, with all products that the next
// direction needs.
void MinLBFGS::learn(double step)
{
  const int slot = history.next_slot();
  Joint &s = pairs[slot], &y = pairs[lbfgs_pairs + slot];
  for (int i = 0; i < nvec; ++i) {
    s.atoms[i] = step * direction.atoms[i];
    y.atoms[i] = force.atoms[i];
  }
  y.cell = force.cell;
  store_force(force);
  for (int i = 0; i < nvec; ++i) y.atoms[i] -= force.atoms[i];
  for (size_t k = 0; k < y.cell.size(); ++k) {
    s.cell[k] = step * direction.cell[k];
    y.cell[k] -= force.cell[k];
  }

  constexpr int n = 2 * lbfgs_pairs;
  double sums[3 * n] = {};
  const Joint *vectors[3] = {&s, &y, &force};
  const auto used = [&](int k) {
    const auto &slots = history.slots();
    const int i = k % lbfgs_pairs;
    return i == slot || std::find(slots.begin(), slots.end(), i) != slots.end();
  };
  for (int v = 0; v < 3; ++v)
    for (int k = 0; k < n; ++k)
      if (used(k)) sums[v * n + k] = product(vectors[v]->atoms, pairs[k].atoms);
  MPI_Allreduce(MPI_IN_PLACE, sums, 3 * n, MPI_DOUBLE, MPI_SUM, world);
  for (int v = 0; v < 3; ++v)
    for (int k = 0; k < n; ++k)
      if (used(k)) sums[v * n + k] += dot(vectors[v]->cell, pairs[k].cell);

  rm_lammps::Products steps, changes;
  std::copy(sums, sums + n, steps);
  std::copy(sums + n, sums + 2 * n, changes);
  std::copy(sums + 2 * n, sums + 3 * n, force_products);
  if (history.keep(steps, changes)) scale = history.scale();
}

bool MinLBFGS::choose_direction()
{
  if (history.empty()) return false;
  const rm_lammps::Combination sum = history.direction(force_products);
  for (int i = 0; i < nvec; ++i) direction.atoms[i] = sum.force * force.atoms[i];
  for (size_t k = 0; k < direction.cell.size(); ++k) direction.cell[k] = sum.force * force.cell[k];
  for (int slot : history.slots())
    for (const int which : {slot, lbfgs_pairs + slot}) {
      const double factor = sum.pairs[which];
      const Joint &pair = pairs[which];
      for (int i = 0; i < nvec; ++i) direction.atoms[i] += factor * pair.atoms[i];
      for (size_t k = 0; k < direction.cell.size(); ++k)
        direction.cell[k] += factor * pair.cell[k];
    }
  longest = longest_step();
  return here.slope < 0.0 && std::isfinite(longest) && longest > 0.0;
}

// Along the force.
void MinLBFGS::downhill()
{
  for (int i = 0; i < nvec; ++i) direction.atoms[i] = scale * force.atoms[i];
  for (size_t k = 0; k < direction.cell.size(); ++k) direction.cell[k] = scale * force.cell[k];
  longest = longest_step();
}

// Step at which an atom moves by dmax or the box by vmax; the slope here on the way.
double MinLBFGS::longest_step()
{
  double squares = 0.0, mine = product(force.atoms, direction.atoms), all;
  for (int i = 0; i < nvec; i += 3) {
    const double *d = direction.atoms + i;
    squares = std::max(squares, d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  }
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, world);
  here.at = 0.0;
  here.slope = -(all + dot(force.cell, direction.cell));
  double largest;
  MPI_Allreduce(&squares, &largest, 1, MPI_DOUBLE, MPI_MAX, world);
  double step = dmax / std::sqrt(largest);
  if (box) step = std::min(step, box->longest_strain() / box->largest_strain(direction.cell));
  return step;
}

// ---- the end

double MinLBFGS::norm()
{
  if (normstyle == MAX) return std::sqrt(fnorm_max());
  return std::sqrt(normstyle == INF ? fnorm_inf() : fnorm_sqr());
}

bool MinLBFGS::converged()
{
  if (norm() > update->ftol) return false;
  if (!box) return true;
  if (!box->converged(update->ftol)) return false;
  const double before = box->work();
  if (!box->renew()) return true;
  here.energy += box->work() - before;
  cell_force = box->forces();
  history.clear();
  store_force(force);
  return false;
}

double MinLBFGS::fnorm_sqr()
{
  double mine = product(fvec, fvec), all;
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, world);
  return all;
}

double MinLBFGS::fnorm_inf()
{
  double mine = 0.0, all;
  for (int i = 0; i < nvec; ++i) mine = std::max(mine, fvec[i] * fvec[i]);
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, world);
  return all;
}

double MinLBFGS::fnorm_max()
{
  double mine = 0.0, all;
  for (int i = 0; i < nvec; i += 3) {
    const double *f = fvec + i;
    mine = std::max(mine, f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
  }
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, world);
  return all;
}

extern "C" __attribute__((visibility("default"))) void *rm_lammps_create_min_lbfgs(void *lmp)
{
  return new MinLBFGS(static_cast<LAMMPS *>(lmp));
}

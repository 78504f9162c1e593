// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "fix_denoise.h"

#include <algorithm>
#include <cmath>

#include "atom.h"
#include "comm.h"
#include "compute.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "group.h"
#include "modify.h"
#include "philox.h"
#include "update.h"

using namespace LAMMPS_NS;
using rm_lammps::Matrix;

namespace {

constexpr int outputs = 3;
constexpr uint32_t stream_atoms = 0;    // fix_denoise_box.cpp has further ones

}    // namespace

FixDenoise::FixDenoise(LAMMPS *lmp, int narg, char **arg) : Fix(lmp, narg, arg), symmetry(lmp)
{
  time_integrate = 1;
  dynamic_group_allow = 1;
  vector_flag = 1;
  size_vector = outputs;
  global_freq = 1;
  extvector = 0;

  read_options(narg, arg);
  check_options();
  if (cell == Cell::none) return;
  set_box_flags();
  pressure_id = std::string(id) + "_pressure";
  modify->add_compute(pressure_id + " all pressure NULL virial");
}

FixDenoise::~FixDenoise()
{
  if (!pressure_id.empty()) modify->delete_compute(pressure_id);
}

void FixDenoise::set_box_flags()
{
  no_change_box = 1;
  restart_pbc = 1;
  pre_exchange_migrate = 1;
  if (domain->xperiodic) box_change |= BOX_CHANGE_X;
  if (domain->yperiodic) box_change |= BOX_CHANGE_Y;
  if (domain->zperiodic) box_change |= BOX_CHANGE_Z;
  if (domain->triclinic) box_change |= BOX_CHANGE_SHAPE;
}

int FixDenoise::setmask()
{
  int mask = FixConst::INITIAL_INTEGRATE;
  if (cell != Cell::none) mask |= FixConst::FINAL_INTEGRATE | FixConst::PRE_EXCHANGE;
  return mask;
}

void FixDenoise::init()
{
  if (std::string(update->integrate_style).rfind("verlet", 0) != 0)
    refuse("it runs with run_style verlet alone");
  if (cell != Cell::none) {
    check_box();
    pressure = modify->get_compute_by_id(pressure_id);
  }
  if (!operations.empty()) find_symmetry();
}

void FixDenoise::setup(int)
{
  if (cell != Cell::none) final_integrate();
}

void FixDenoise::final_integrate()
{
  pressure->compute_vector();
  pressure->addstep(update->ntimestep + 1);
  const double *p = pressure->vector;    // xx, yy, zz, xy, xz, yz
  const Matrix tensor{{{p[0], p[3], p[4]}, {p[3], p[1], p[5]}, {p[4], p[5], p[2]}}};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      excess_stress[i][j] = ((i == j ? external : 0.0) - tensor[i][j]) / force->nktv2p;
}

void FixDenoise::initial_integrate(int)
{
  noise = scheduled_noise();
  if (adapt > 0.0) noise = std::min(noise, adapt * wanted_displacement());
  displace_atoms();
  if (cell != Cell::none) deform_box();
}

double FixDenoise::scheduled_noise() const
{
  // the first step of a run has the noise of the start, the last step that of the end
  const double steps = static_cast<double>(update->endstep - update->beginstep) - 1.0;
  const double done = static_cast<double>(update->ntimestep - update->beginstep) - 1.0;
  const double part = steps > 0.0 ? std::clamp(done / steps, 0.0, 1.0) : 0.0;
  if (schedule == Schedule::linear || start == end) return start + part * (end - start);
  return start * std::pow(end / start, part);
}

// Root mean square of a coordinate's displacement that the forces ask for.
double FixDenoise::wanted_displacement() const
{
  double mine[2] = {0.0, 0.0}, all[2];
  for (int i = 0; i < atom->nlocal; ++i) {
    if (!(atom->mask[i] & groupbit)) continue;
    const double *f = atom->f[i];
    mine[0] += f[0] * f[0] + f[1] * f[1] + f[2] * f[2];
    mine[1] += domain->dimension;
  }
  MPI_Allreduce(mine, all, 2, MPI_DOUBLE, MPI_SUM, world);
  return all[1] > 0.0 ? std::sqrt(all[0] / all[1]) / spring : 0.0;
}

// ---- atoms

void FixDenoise::displace_atoms()
{
  const int dimension = domain->dimension;
  displacements.assign(3 * static_cast<size_t>(atom->nlocal), 0.0);
  for (int i = 0; i < atom->nlocal; ++i) {
    if (!(atom->mask[i] & groupbit)) continue;
    const double *f = atom->f[i];
    double factor = share / spring;
    const double length = factor * std::sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2]);
    if (length > dmax) factor *= dmax / length;
    const auto normals =
        rm_lammps::unit_normals(seed, stream_atoms, update->ntimestep, atom->tag[i]);
    double *own = &displacements[3 * static_cast<size_t>(i)];
    for (int k = 0; k < dimension; ++k) own[k] = factor * f[k] + noise * normals[k];
  }
  if (zero) remove_mean();
  if (!symmetry.empty()) symmetry.symmetrise(displacements.data());
  for (int i = 0; i < atom->nlocal; ++i)
    for (int k = 0; k < 3; ++k) atom->x[i][k] += displacements[3 * static_cast<size_t>(i) + k];
}

void FixDenoise::remove_mean()
{
  double mine[4] = {0.0, 0.0, 0.0, 0.0}, all[4];
  for (int i = 0; i < atom->nlocal; ++i) {
    if (!(atom->mask[i] & groupbit)) continue;
    for (int k = 0; k < 3; ++k) mine[k] += displacements[3 * static_cast<size_t>(i) + k];
    mine[3] += 1.0;
  }
  MPI_Allreduce(mine, all, 4, MPI_DOUBLE, MPI_SUM, world);
  if (all[3] == 0.0) return;
  for (int i = 0; i < atom->nlocal; ++i) {
    if (!(atom->mask[i] & groupbit)) continue;
    for (int k = 0; k < 3; ++k) displacements[3 * static_cast<size_t>(i) + k] -= all[k] / all[3];
  }
}

double FixDenoise::compute_vector(int which)
{
  if (which == 0) return noise;
  if (which == 1) return wanted_displacement();
  return cell == Cell::none ? 0.0 : rm_lammps::largest(wanted_strain());
}

double FixDenoise::memory_usage()
{
  return static_cast<double>(displacements.capacity() * sizeof(double));
}

extern "C" __attribute__((visibility("default"))) void *
rm_lammps_create_fix_denoise(void *lmp, int narg, char **arg)
{
  return new FixDenoise(static_cast<LAMMPS *>(lmp), narg, arg);
}

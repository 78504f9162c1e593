// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "fix_box_relax_lbfgs.h"

#include <algorithm>
#include <cmath>

#include "atom.h"
#include "compute.h"
#include "domain.h"
#include "error.h"
#include "force.h"
#include "kspace.h"
#include "modify.h"
#include "update.h"

using namespace LAMMPS_NS;
using rm_lammps::Matrix;

namespace {

constexpr int row[6] = {0, 1, 2, 1, 0, 0}, column[6] = {0, 1, 2, 2, 2, 1};
constexpr double near_enough = 1e-5;    // strain from the reference

Matrix identity()
{
  return {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
}

double contraction(const Matrix &a, const Matrix &b)
{
  double sum = 0.0;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) sum += a[i][j] * b[i][j];
  return sum;
}

// Gradient with respect to U of a function of exp(U), from that with respect to exp(U).
Matrix pulled_back(const Matrix &U, const Matrix &gradient)
{
  // the derivative of the exponential's series at the transpose, along the gradient
  const Matrix T = rm_lammps::transposed(U);
  Matrix power = identity(), term{}, sum{};
  for (int order = 1; order <= 60; ++order) {
    const Matrix left = rm_lammps::product(term, T), right = rm_lammps::product(power, gradient);
    power = rm_lammps::product(power, T);
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) {
        power[i][j] /= order;
        term[i][j] = (left[i][j] + right[i][j]) / order;
        sum[i][j] += term[i][j];
      }
    if (rm_lammps::largest(term) <= 1e-17 * rm_lammps::largest(sum)) break;
  }
  return sum;
}

}    // namespace

FixBoxRelaxLBFGS::FixBoxRelaxLBFGS(LAMMPS *lmp, int narg, char **arg) : Fix(lmp, narg, arg)
{
  no_change_box = 1;
  scalar_flag = vector_flag = 1;
  size_vector = 6;
  global_freq = 1;
  extscalar = extvector = 0;

  read_arguments(narg, arg);
  check();
  constexpr int change[6] = {BOX_CHANGE_X,  BOX_CHANGE_Y,  BOX_CHANGE_Z,
                             BOX_CHANGE_YZ, BOX_CHANGE_XZ, BOX_CHANGE_XY};
  for (int k = 0; k < 6; ++k)
    if (given[k]) box_change |= change[k];
  // a strain along one axis changes the tilt too
  if (domain->triclinic) box_change |= BOX_CHANGE_SHAPE;

  pressure_id = std::string(id) + "_pressure";
  modify->add_compute(pressure_id + " all pressure NULL virial");
}

FixBoxRelaxLBFGS::~FixBoxRelaxLBFGS()
{
  modify->delete_compute(pressure_id);
}

int FixBoxRelaxLBFGS::setmask()
{
  return 0;
}

void FixBoxRelaxLBFGS::init()
{
  pressure = modify->get_compute_by_id(pressure_id);
  if (update->whichflag != 2) return;
  if (std::string(update->minimize_style) != "lbfgs")
    refuse("it works with min_style lbfgs alone, not with " + std::string(update->minimize_style));
  for (const Fix *other : modify->get_fix_list())
    if (other != this && std::string(other->style) == style)
      refuse("fix " + std::string(other->id) + " changes the box too: give one fix all it may do");

  symmetry = nullptr;
  for (Fix *other : modify->get_fix_list())
    if (auto *found = dynamic_cast<FixSymmetry *>(other)) symmetry = found;

  begin_here();
  if (!point_given)
    for (int i = 0; i < 3; ++i) point[i] = corner[i] + 0.5 * (h0[i][0] + h0[i][1] + h0[i][2]);
  // Sheppard et al., J. Chem. Phys. 136, 074103 (2012): strains as stiff as displacements
  const double atoms = std::max(1.0, static_cast<double>(atom->natoms));
  length = std::pow(reference_volume, 1.0 / domain->dimension) *
      std::pow(atoms, 0.5 - 1.0 / domain->dimension);
  make_basis();
  if (symmetry) make_symmetric_basis();
  tally();
}

void FixBoxRelaxLBFGS::begin_here()
{
  const double *h = domain->h;    // xx, yy, zz, yz, xz, xy
  h0 = {{{h[0], h[5], h[4]}, {0.0, h[1], h[3]}, {0.0, 0.0, h[2]}}};
  corner = {domain->boxlo[0], domain->boxlo[1], domain->boxlo[2]};
  U = {};
  F = turn = identity();
  reference_volume = volume();
}

double FixBoxRelaxLBFGS::volume() const
{
  return domain->xprd * domain->yprd * (domain->dimension == 3 ? domain->zprd : 1.0);
}

// Strains of size one in the metric of symmetric strains, in which a shear counts twice a half.
void FixBoxRelaxLBFGS::make_basis()
{
  basis.clear();
  double sum = 0.0;
  int axes = 0;
  for (int k = 0; k < 3; ++k) {
    if (!given[k]) continue;
    sum += target[k];
    ++axes;
    if (coupled[k] != k) continue;
    Matrix strain{};
    double squares = 0.0;
    for (int i = 0; i < 3; ++i)
      if (given[i] && coupled[i] == k) {
        strain[i][i] = 1.0;
        squares += 1.0;
      }
    for (int i = 0; i < 3; ++i) strain[i][i] /= std::sqrt(squares);
    basis.push_back(strain);
  }
  for (int k = 3; k < 6; ++k) {
    if (!given[k]) continue;
    Matrix strain{};
    strain[row[k]][column[k]] = std::sqrt(2.0);
    basis.push_back(strain);
  }
  for (auto &strain : basis)
    for (auto &line : strain)
      for (double &entry : line) entry /= length;
  hydrostatic = axes ? sum / axes : 0.0;
  deviates = false;
  for (int k = 0; k < 6; ++k)
    deviates |= given[k] && target[k] != (k < 3 ? hydrostatic : 0.0);
}

// Of symmetric strains those that keep the symmetry, in the same metric.
void FixBoxRelaxLBFGS::make_symmetric_basis()
{
  if (deviates) refuse("with fix symmetry the pressure must be the same in all directions");
  if (!isotropic && std::count(given, given + 6, true) < 6)
    refuse("with fix symmetry give iso or tri, as other choices may break the symmetry");
  if (isotropic) return;
  symmetry->init();    // which may come later in LAMMPS's list
  basis.clear();
  for (int k = 0; k < 6; ++k) {
    Matrix strain{};
    strain[row[k]][column[k]] = strain[column[k]][row[k]] = 1.0;
    strain = symmetry->operations().symmetric(strain);
    for (const Matrix &other : basis) {
      const double share = contraction(strain, other) * length * length;
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) strain[i][j] -= share * other[i][j];
    }
    const double size = std::sqrt(contraction(strain, strain));
    if (size < 1e-3) continue;
    for (auto &line : strain)
      for (double &entry : line) entry /= size * length;
    basis.push_back(strain);
  }
}

void FixBoxRelaxLBFGS::tally()
{
  pressure->addstep(update->ntimestep);
  pressure->addstep(update->ntimestep + 1);
}

double FixBoxRelaxLBFGS::work() const
{
  double sum = hydrostatic * volume();
  for (int k = 0; k < 6; ++k)
    if (given[k])
      sum += reference_volume * (target[k] - (k < 3 ? hydrostatic : 0.0)) * U[row[k]][column[k]];
  return sum / force->nktv2p;
}

CellVector FixBoxRelaxLBFGS::forces()
{
  pressure->compute_vector();
  const double *p = pressure->vector;    // xx, yy, zz, xy, xz, yz
  Matrix tensor{{{p[0], p[3], p[4]}, {p[3], p[1], p[5]}, {p[4], p[5], p[2]}}};
  for (int i = 0; i < 3; ++i) tensor[i][i] -= hydrostatic;
  const Matrix back = rm_lammps::transposed(turn);
  if (symmetry) tensor = rm_lammps::product(back, rm_lammps::product(tensor, turn));
  const Matrix E = rm_lammps::product(back, F);
  Matrix gradient = rm_lammps::product(tensor, rm_lammps::transposed(rm_lammps::inverted(E)));
  const double present = volume();
  for (auto &line : gradient)
    for (double &entry : line) entry *= -present;
  gradient = pulled_back(U, gradient);
  for (int k = 0; k < 6; ++k) {
    const double deviation = given[k] ? target[k] - (k < 3 ? hydrostatic : 0.0) : 0.0;
    gradient[row[k]][column[k]] += reference_volume * deviation;
    tensor[row[k]][column[k]] -= deviation;
  }
  last_forces = {};
  excess = 0.0;
  Matrix symmetric{};
  for (size_t k = 0; k < basis.size(); ++k) {
    last_forces[k] = -contraction(basis[k], gradient) / force->nktv2p;
    if (symmetry) {
      const double share = contraction(basis[k], tensor) * length * length;
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) symmetric[i][j] += share * basis[k][i][j];
      continue;
    }
    // of coupled directions the mean, as their strain is one
    const double share = contraction(basis[k], identity());
    const double pressure_excess = share != 0.0
        ? contraction(basis[k], tensor) / share
        : contraction(basis[k], tensor) / rm_lammps::largest(basis[k]);
    excess = std::max(excess, std::abs(pressure_excess));
  }
  if (symmetry) excess = rm_lammps::largest(symmetric);
  return last_forces;
}

Matrix FixBoxRelaxLBFGS::strain(const CellVector &values) const
{
  Matrix sum{};
  for (size_t k = 0; k < basis.size(); ++k)
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) sum[i][j] += values[k] * basis[k][i][j];
  return sum;
}

double FixBoxRelaxLBFGS::largest_strain(const CellVector &step) const
{
  const Matrix change = strain(step);
  return std::max(rm_lammps::largest(change), std::abs(rm_lammps::trace(change)));
}

void FixBoxRelaxLBFGS::deform(const CellVector &step)
{
  const Matrix change = strain(step), back = rm_lammps::inverted(F);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) U[i][j] += change[i][j];
  F = rm_lammps::exponential(U);
  Matrix h = rm_lammps::product(F, h0);
  if (symmetry) {
    h = rm_lammps::upper_triangular(h);
    const Matrix E = F;
    F = rm_lammps::product(h, rm_lammps::inverted(h0));
    turn = rm_lammps::product(F, rm_lammps::inverted(E));
  }
  const Matrix forward = rm_lammps::product(F, back);
  const int periodic[3] = {domain->xperiodic, domain->yperiodic, domain->zperiodic};
  for (int i = 0; i < 3; ++i) {
    if (!periodic[i]) continue;
    double low = point[i];
    for (int j = 0; j < 3; ++j) low += F[i][j] * (corner[j] - point[j]);
    domain->boxlo[i] = low;
    domain->boxhi[i] = low + h[i][i];
  }
  if (domain->triclinic) {
    domain->xy = h[0][1];
    domain->xz = h[0][2];
    domain->yz = h[1][2];
  }
  domain->set_global_box();
  domain->set_local_box();
  if (force->kspace) force->kspace->setup();

  for (int a = 0; a < atom->nlocal; ++a) {
    double *x = atom->x[a];
    const double from[3] = {x[0] - point[0], x[1] - point[1], x[2] - point[2]};
    for (int i = 0; i < 3; ++i) {
      x[i] = point[i];
      for (int j = 0; j < 3; ++j) x[i] += forward[i][j] * from[j];
    }
  }
}

// A stress that is not the same along all axes does work that depends on the way. It is taken to
// be that of the strain from the reference, and is right when the reference is near.
bool FixBoxRelaxLBFGS::renew()
{
  if (!deviates || rm_lammps::largest(U) < near_enough) return false;
  begin_here();
  return true;
}

bool FixBoxRelaxLBFGS::converged(double force_tolerance) const
{
  double limit = force_tolerance;
  if (tolerance >= 0.0) {
    if (!deviates || excess <= tolerance) return excess <= tolerance;
    if (rm_lammps::largest(U) < near_enough) return false;
    limit = 0.5 * tolerance * volume() / length / force->nktv2p;
  }
  return dot(last_forces, last_forces) <= limit * limit;
}

double FixBoxRelaxLBFGS::compute_scalar()
{
  return work();
}

double FixBoxRelaxLBFGS::compute_vector(int which)
{
  return last_forces[which];
}

extern "C" __attribute__((visibility("default"))) void *
rm_lammps_create_fix_box_relax_lbfgs(void *lmp, int narg, char **arg)
{
  return new FixBoxRelaxLBFGS(static_cast<LAMMPS *>(lmp), narg, arg);
}

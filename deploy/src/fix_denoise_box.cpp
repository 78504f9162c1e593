// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The box of fix denoise: its strains, flips and symmetry.

#include <algorithm>
#include <cmath>

#include "atom.h"
#include "domain.h"
#include "error.h"
#include "fix_denoise.h"
#include "force.h"
#include "kspace.h"
#include "modify.h"
#include "philox.h"
#include "update.h"

#if __has_include("irregular.h")
#include "irregular.h"
#else
// LAMMPS's header is not among the installed ones: what is used of it, and at least its size
namespace LAMMPS_NS {
class Irregular : protected Pointers {
 public:
  explicit Irregular(LAMMPS *lmp);
  ~Irregular() override;
  void migrate_atoms(int sort = 0, int assigned = 0, int *owners = nullptr);

 private:
  char members[4096];
};
}    // namespace LAMMPS_NS
#endif

using namespace LAMMPS_NS;
using rm_lammps::Matrix;
using rm_lammps::box_vectors;

namespace {

constexpr uint32_t stream_diagonal = 1, stream_shear = 2;
constexpr double flip_above = 0.6;    // tilt over length; a half would flip back and forth

}    // namespace

// Of a strain, what the box may do.
Matrix FixDenoise::restricted(Matrix strain) const
{
  const bool periodic[3] = {domain->xperiodic != 0, domain->yperiodic != 0,
                            domain->zperiodic != 0 && domain->dimension == 3};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      if (!periodic[i] || !periodic[j] || (i != j && cell != Cell::tri)) strain[i][j] = 0.0;
  if (cell == Cell::iso) {
    const int free = periodic[0] + periodic[1] + periodic[2];
    const double mean = rm_lammps::trace(strain) / free;
    for (int i = 0; i < 3; ++i) strain[i][i] = periodic[i] ? mean : 0.0;
  }
  return strain;
}

// The strain that would bring an isotropic elastic body to the external pressure.
Matrix FixDenoise::wanted_strain() const
{
  Matrix strain{};
  const double sum = rm_lammps::trace(excess_stress);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      strain[i][j] =
          -((1.0 + poisson) * excess_stress[i][j] - (i == j ? poisson * sum : 0.0)) / modulus;
  return restricted(strain);
}

// Distributed alike in every direction.
Matrix FixDenoise::noise_strain() const
{
  const auto z = rm_lammps::unit_normals(seed, stream_diagonal, update->ntimestep, 0);
  const auto s = rm_lammps::unit_normals(seed, stream_shear, update->ntimestep, 0);
  const double size = strain_noise * noise, shear = std::sqrt(0.5) * size;
  return restricted({{{size * z[0], shear * s[0], shear * s[1]},
                      {shear * s[0], size * z[1], shear * s[2]},
                      {shear * s[1], shear * s[2], size * z[2]}}});
}

void FixDenoise::deform_box()
{
  Matrix strain = wanted_strain();
  const double size = share * rm_lammps::largest(strain);
  const double factor = share * (size > emax ? emax / size : 1.0);
  const Matrix random = noise_strain();
  double sum = 0.0;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      strain[i][j] = factor * strain[i][j] + random[i][j];
      sum += strain[i][j];
    }
  if (!std::isfinite(sum)) refuse("the stress is not a number");
  if (!symmetry.empty()) strain = symmetry.symmetric(strain);
  remap_box(strain);
  if (force->kspace) force->kspace->setup();
}

void FixDenoise::remap_box(const Matrix &strain)
{
  const Matrix h = rm_lammps::upper_triangular(
      rm_lammps::product(rm_lammps::exponential(strain), box_vectors(domain)));
  domain->x2lamda(atom->nlocal);
  for (Fix *fix : modify->get_fix_list())
    if (fix->rigid_flag) fix->deform(0);

  const int periodic[3] = {domain->xperiodic, domain->yperiodic, domain->zperiodic};
  for (int i = 0; i < 3; ++i) {
    if (!periodic[i]) continue;
    const double middle = 0.5 * (domain->boxlo[i] + domain->boxhi[i]);
    domain->boxlo[i] = middle - 0.5 * h[i][i];
    domain->boxhi[i] = middle + 0.5 * h[i][i];
  }
  if (domain->triclinic) {
    domain->xy = h[0][1];
    domain->xz = h[0][2];
    domain->yz = h[1][2];
  }
  domain->set_global_box();
  domain->set_local_box();

  domain->lamda2x(atom->nlocal);
  for (Fix *fix : modify->get_fix_list())
    if (fix->rigid_flag) fix->deform(1);
}

// A strongly tilted box takes other vectors of the same lattice, and atoms other owners.
void FixDenoise::pre_exchange()
{
  if (!flip || !domain->triclinic) return;
  const auto turns = [](double tilt, double length, int periodic) {
    return periodic && std::abs(tilt) > flip_above * length ? -std::lround(tilt / length) : 0L;
  };
  const int yz = static_cast<int>(turns(domain->yz, domain->yprd, domain->yperiodic));
  domain->yz += yz * domain->yprd;
  domain->xz += yz * domain->xy;
  const int xz = static_cast<int>(turns(domain->xz, domain->xprd, domain->xperiodic));
  domain->xz += xz * domain->xprd;
  const int xy = static_cast<int>(turns(domain->xy, domain->xprd, domain->xperiodic));
  domain->xy += xy * domain->xprd;
  if (!xy && !xz && !yz) return;

  domain->set_global_box();
  domain->set_local_box();
  domain->image_flip(xy, xz, yz);
  for (int i = 0; i < atom->nlocal; ++i) domain->remap(atom->x[i], atom->image[i]);
  domain->x2lamda(atom->nlocal);
  Irregular irregular(lmp);
  irregular.migrate_atoms();
  domain->lamda2x(atom->nlocal);
}

// ---- symmetry

void FixDenoise::find_symmetry()
{
  if (igroup != 0) refuse("symmetry needs group all");
  const std::string problem = symmetry.find(operations);
  if (!problem.empty()) refuse(problem);
}

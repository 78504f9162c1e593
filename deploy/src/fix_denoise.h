// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_FIX_DENOISE_H
#define RM_LAMMPS_FIX_DENOISE_H

#include <array>
#include <string>
#include <vector>

#include "fix.h"
#include "strain.h"
#include "symmetric_atoms.h"

namespace LAMMPS_NS {

// fix ID group denoise START END SEED [keyword value ...]
// Annealed denoising: each step moves atoms by a share of their force over a spring constant and
// strains the box by a share of the strain that the stress stands for, and adds noise that falls.
class FixDenoise : public Fix {
 public:
  FixDenoise(LAMMPS *lmp, int narg, char **arg);
  ~FixDenoise() override;
  FixDenoise(const FixDenoise &) = delete;
  FixDenoise &operator=(const FixDenoise &) = delete;

  int setmask() override;
  void init() override;
  void setup(int vflag) override;
  void initial_integrate(int vflag) override;
  void final_integrate() override;
  void pre_exchange() override;    // tilted boxes are flipped here
  double compute_vector(int which) override;
  double memory_usage() override;

 private:
  enum class Schedule { geometric, linear };
  enum class Cell { none, iso, aniso, tri };

  void read_options(int narg, char **arg);
  void read_option(const std::string &key, const std::string &value);
  void check_options() const;
  void check_box() const;
  void set_box_flags();
  [[noreturn]] void refuse(const std::string &problem) const;

  double scheduled_noise() const;
  double wanted_displacement() const;
  rm_lammps::Matrix wanted_strain() const;
  rm_lammps::Matrix restricted(rm_lammps::Matrix strain) const;
  rm_lammps::Matrix noise_strain() const;
  void displace_atoms();
  void remove_mean();
  void deform_box();
  void remap_box(const rm_lammps::Matrix &strain);

  void find_symmetry();

  double start = 0.0, end = 0.0;    // standard deviation of the noise of a coordinate
  uint32_t seed = 0;
  Schedule schedule = Schedule::geometric;
  Cell cell = Cell::none;
  double share = 0.7;        // of the displacement and strain that a step makes
  double spring = 1.0;       // force/distance
  double dmax = 0.5;         // distance
  double strain_noise = 0.0; // 1/distance: noise of the strain over that of the coordinates
  double modulus = 1.0;      // energy/volume
  double poisson = 0.3;
  double external = 0.0;     // pressure
  double emax = 0.05;
  double adapt = 0.0;        // 0: off
  bool zero = false;
  bool flip = true;
  std::string operations;    // name of a variable, empty for none

  std::string pressure_id;
  class Compute *pressure = nullptr;
  double noise = 0.0;                   // of the last step
  rm_lammps::Matrix excess_stress{};    // beyond the external pressure, of the last evaluation
  std::vector<double> displacements;    // of own atoms
  rm_lammps::SymmetricAtoms symmetry;
};

}    // namespace LAMMPS_NS

#endif

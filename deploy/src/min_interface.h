// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// LAMMPS's base class of minimisers. Its headers are not among the installed ones: where they are
// missing, this declares the binary interface of the 22 July 2025 release, the one that plugin.cpp
// lets pass. The order of members and of virtual functions is LAMMPS's.

#ifndef RM_LAMMPS_MIN_INTERFACE_H
#define RM_LAMMPS_MIN_INTERFACE_H

#if __has_include("min.h") && __has_include("fix_minimize.h")
#include "fix_minimize.h"
#include "min.h"
#else

#include <vector>

#include "fix.h"

namespace LAMMPS_NS {

class Min : protected Pointers {
 public:
  double einitial, efinal, eprevious;
  double fnorm2_init, fnorminf_init, fnorm2_final, fnorminf_final;
  double alpha_final;
  int niter, neval;
  int stop_condition;
  char *stopstr;
  int searchflag;

  explicit Min(LAMMPS *lmp);
  ~Min() override;
  virtual void init();
  virtual void setup(int flag);
  virtual void setup_minimal(int flag);
  virtual void run(int steps);
  virtual void force_clear();
  virtual double memory_usage();
  virtual int modify_param(int narg, char **arg);
  virtual double fnorm_sqr();
  virtual double fnorm_inf();
  virtual double fnorm_max();
  virtual void init_style();
  virtual void setup_style() = 0;
  virtual void reset_vectors() = 0;
  virtual int iterate(int steps) = 0;

  enum { TWO, MAX, INF };
  enum { MAXITER, MAXEVAL, ETOL, FTOL, DOWNHILL, ZEROALPHA, ZEROFORCE, ZEROQUAD, TRSMALL, INTERROR,
         TIMEOUT, MAXVDOTF };

 protected:
  int eflag, vflag, virial_style, external_force_clear;
  double dmax;
  int linestyle, normstyle;
  double dtinit;
  struct {    // of other styles
    int delaystep;
    double numbers[6];
    int flags[5];
  } damped;
  std::vector<class Compute *> tallies[5];    // energies and virials
  int triclinic, pairflag, torqueflag, extraflag, pair_compute_flag, kspace_compute_flag, narray;
  class FixMinimize *fix_minimize;
  class Compute *pe_compute;
  double ecurrent;
  bigint ndoftotal;
  int nvec;
  double *xvec, *fvec;
  int nextra_global;
  double *fextra;
  int nextra_atom;
  double **xextra_atom, **fextra_atom;
  int *extra_peratom, *extra_nlen;
  double *extra_max;
  class Pair **requestor;
  int kokkosable;
  int neigh_every, neigh_delay, neigh_dist_check;

  virtual double energy_force(int reset);

  char *stopstrings(int condition);
};

// Values of atoms that move with them from rank to rank; only these functions are called.
class FixMinimize : public Fix {
 public:
  FixMinimize(LAMMPS *lmp, int narg, char **arg);
  void add_vector(int values);
  double *request_vector(int which);
};

}    // namespace LAMMPS_NS

#endif
#endif

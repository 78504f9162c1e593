// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_KERNEL_H
#define RM_LAMMPS_KERNEL_H

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace rm_lammps {

// Some central atoms and their neighbours, all of which lie within the cutoffs.
struct Neighbours {
  int atoms;
  const int *centre_types;    // [atoms]
  const size_t *first;        // [atoms + 1], of each atom's edges in the following
  const int *types;           // of the neighbours
  const double *vectors;      // Å, neighbour minus centre, [edges][3]
};

// A model that is evaluated on the CPU without torch. The code lies in libraries of its own, one
// for each kind of CPU, so that no instruction of one reaches another.
class Kernel {
 public:
  virtual ~Kernel() = default;

  // Energies (eV) of the central atoms, and gradients (eV/Å, [edges][3]) of each with respect to
  // the vectors of its edges.
  virtual void evaluate(const Neighbours &near, double *energies, float *gradients) = 0;

  virtual double memory() const = 0;    // bytes
};

// Every library of a kernel has this function. Weights: as rm_lammps/deployment/native.py writes
// them; cutoffs in Å, [centre type][neighbour type]. Throws std::runtime_error.
using CreateKernel = Kernel *(*)(const std::string &weights, const std::vector<double> &cutoffs);
constexpr const char *create_kernel_name = "rm_lammps_create_kernel";

// The kind of CPU whose kernel is used: the newest that this CPU is and $RM_LAMMPS_CPU allows.
// Throws ModelError if there is none.
std::string kernel_cpu();

// The kernel for this CPU; throws ModelError or std::runtime_error.
std::unique_ptr<Kernel> create_kernel(const std::string &weights,
                                      const std::vector<double> &cutoffs);

}    // namespace rm_lammps

#endif

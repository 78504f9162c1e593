// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// The algebra of L-BFGS in terms of scalar products alone: the vectors are spread over ranks, and
// one reduction brings all the products that a new pair of step and change of force needs.

#ifndef RM_LAMMPS_LBFGS_H
#define RM_LAMMPS_LBFGS_H

#include <algorithm>
#include <cmath>
#include <vector>

namespace rm_lammps {

constexpr int lbfgs_pairs = 8;

// Products of one vector with the pairs: with step i at i, with change i at lbfgs_pairs + i.
using Products = double[2 * lbfgs_pairs];

// The direction of the next step: of the force and of the pairs, at the places of Products.
struct Combination {
  double force = 1.0;
  double pairs[2 * lbfgs_pairs] = {};
};

class History {
 public:
  void clear() { order.clear(); }
  bool empty() const { return order.empty(); }
  const std::vector<int> &slots() const { return order; }    // the oldest pair first

  // Slot of the next pair, whose vectors may be written before it is kept.
  int next_slot() const
  {
    if (static_cast<int>(order.size()) == lbfgs_pairs) return order.front();
    for (int slot = 0;; ++slot)
      if (std::find(order.begin(), order.end(), slot) == order.end()) return slot;
  }

  // Keep the pair in next_slot(), if its curvature is positive. Changes are of the gradient.
  bool keep(const Products &step, const Products &change)
  {
    const int slot = next_slot();
    if (!order.empty() && order.front() == slot) order.erase(order.begin());
    const double curvature = step[lbfgs_pairs + slot], squares = change[lbfgs_pairs + slot];
    if (!(curvature > least_curvature * std::sqrt(step[slot] * squares))) return false;
    order.push_back(slot);
    for (int i : order) {
      step_change[slot][i] = step[lbfgs_pairs + i];
      step_change[i][slot] = change[i];
      change_change[slot][i] = change_change[i][slot] = change[lbfgs_pairs + i];
    }
    return true;
  }

  // Inverse curvature along the newest pair.
  double scale() const
  {
    const int last = order.back();
    return step_change[last][last] / change_change[last][last];
  }

  // Inverse Hessian times force, by the two-loop recursion.
  Combination direction(const Products &force) const
  {
    Combination result;
    if (order.empty()) return result;
    double weights[lbfgs_pairs];
    double *steps = result.pairs, *changes = result.pairs + lbfgs_pairs;
    for (auto i = order.rbegin(); i != order.rend(); ++i) {
      double product = force[*i];
      for (int j : order) product += changes[j] * step_change[*i][j];
      weights[*i] = product / step_change[*i][*i];
      changes[*i] -= weights[*i];
    }
    result.force = scale();
    for (int i : order) changes[i] *= result.force;
    for (int i : order) {
      double product = result.force * force[lbfgs_pairs + i];
      for (int j : order)
        product += steps[j] * step_change[j][i] + changes[j] * change_change[i][j];
      steps[i] += weights[i] - product / step_change[i][i];
    }
    return result;
  }

 private:
  static constexpr double least_curvature = 1e-6;    // cosine of step and change

  std::vector<int> order;
  double step_change[lbfgs_pairs][lbfgs_pairs] = {};
  double change_change[lbfgs_pairs][lbfgs_pairs] = {};
};

// Where along a direction to look next.
struct Point {
  double at = 0.0;
  double energy = 0.0;
  double slope = 0.0;
};

// Minimum of the cubic through two points, kept off both ends.
inline double between(const Point &low, const Point &high)
{
  const double width = high.at - low.at;
  double part = 0.0;
  if (std::isfinite(high.energy) && std::isfinite(high.slope)) {
    const double d1 = low.slope + high.slope - 3.0 * (high.energy - low.energy) / width;
    const double d2 = std::sqrt(std::max(0.0, d1 * d1 - low.slope * high.slope));
    part = 1.0 - (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2);
  }
  if (!std::isfinite(part)) part = 0.0;
  return low.at + width * std::clamp(part, 0.1, 0.8);
}

// Zero of the slope beyond the second point, if it bends upwards, and not too far.
inline double beyond(const Point &before, const Point &here)
{
  const double bend = (here.slope - before.slope) / (here.at - before.at);
  const double far = 4.0 * here.at;
  return bend > 0.0 ? std::clamp(here.at - here.slope / bend, 1.5 * here.at, far) : far;
}

}    // namespace rm_lammps

#endif

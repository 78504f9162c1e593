// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

// 3 x 3 matrices as a changing box needs them.

#ifndef RM_LAMMPS_STRAIN_H
#define RM_LAMMPS_STRAIN_H

#include <algorithm>
#include <array>
#include <cmath>

namespace rm_lammps {

using Matrix = std::array<std::array<double, 3>, 3>;

inline Matrix product(const Matrix &a, const Matrix &b)
{
  Matrix c{};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}

inline Matrix transposed(const Matrix &a)
{
  Matrix t{};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) t[i][j] = a[j][i];
  return t;
}

inline double trace(const Matrix &a)
{
  return a[0][0] + a[1][1] + a[2][2];
}

inline double largest(const Matrix &a)
{
  double value = 0.0;
  for (const auto &row : a)
    for (const double entry : row) value = std::max(value, std::abs(entry));
  return value;
}

inline double determinant(const Matrix &m)
{
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
      m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
      m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

inline Matrix inverted(const Matrix &m)
{
  const double whole = determinant(m);
  Matrix inverse{};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      const int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
      inverse[i][j] = (m[a][c] * m[b][d] - m[a][d] * m[b][c]) / whole;
    }
  return inverse;
}

// The deformation of a logarithmic strain: the exponential of a matrix.
inline Matrix exponential(const Matrix &strain)
{
  // halved until the series is short, squared as often afterwards
  int halvings = 0;
  double scale = 1.0;
  while (largest(strain) * scale > 0.1) {
    scale *= 0.5;
    ++halvings;
  }
  Matrix small = strain;
  for (auto &row : small)
    for (double &entry : row) entry *= scale;
  Matrix sum{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, term = sum;
  for (int order = 1; order <= 12; ++order) {
    term = product(term, small);
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) {
        term[i][j] /= order;
        sum[i][j] += term[i][j];
      }
  }
  for (int halving = 0; halving < halvings; ++halving) sum = product(sum, sum);
  return sum;
}

// A cell, with its vectors in columns, turned so that it is upper triangular, as LAMMPS has it.
inline Matrix upper_triangular(const Matrix &cell)
{
  Matrix upper{};
  std::array<std::array<double, 3>, 3> axes{};
  for (int column = 0; column < 3; ++column) {
    std::array<double, 3> rest = {cell[0][column], cell[1][column], cell[2][column]};
    for (int row = 0; row < column; ++row) {
      for (int k = 0; k < 3; ++k) upper[row][column] += axes[row][k] * cell[k][column];
      for (int k = 0; k < 3; ++k) rest[k] -= upper[row][column] * axes[row][k];
    }
    upper[column][column] = std::sqrt(rest[0] * rest[0] + rest[1] * rest[1] + rest[2] * rest[2]);
    for (int k = 0; k < 3; ++k) axes[column][k] = rest[k] / upper[column][column];
  }
  return upper;
}

}    // namespace rm_lammps

#endif

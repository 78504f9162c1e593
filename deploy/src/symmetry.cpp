// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "symmetry.h"

#include <cmath>
#include <sstream>

namespace rm_lammps {

namespace {

constexpr size_t numbers_each = 12;
constexpr double tolerance = 0.1;    // in units of the cube root of the volume of an atom

double squared_distance(const std::array<double, 3> &fractional, const Matrix &cell)
{
  double sum = 0.0;
  for (int i = 0; i < 3; ++i) {
    double component = 0.0;
    for (int j = 0; j < 3; ++j)
      component += cell[i][j] * (fractional[j] - std::round(fractional[j]));
    sum += component * component;
  }
  return sum;
}

}    // namespace

std::string Symmetry::read(const std::string &text)
{
  operations.clear();
  std::istringstream stream(text);
  std::vector<double> numbers;
  for (double number; stream >> number;) numbers.push_back(number);
  if (!stream.eof()) return "it holds something that is no number";
  if (numbers.empty() || numbers.size() % numbers_each)
    return "it holds " + std::to_string(numbers.size()) +
        " numbers, but an operation is nine of its rotation and three of its translation";
  for (size_t first = 0; first < numbers.size(); first += numbers_each) {
    Operation operation;
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) operation.rotation[i][j] = numbers[first + 3 * i + j];
      operation.translation[i] = numbers[first + 9 + i];
    }
    if (std::abs(std::abs(determinant(operation.rotation)) - 1.0) > 1e-6)
      return "the rotation of operation " + std::to_string(first / numbers_each + 1) +
          " has not the determinant 1 or -1";
    operation.inverse = inverted(operation.rotation);
    operations.push_back(operation);
  }
  return "";
}

std::string Symmetry::match(const std::vector<double> &fractional, const std::vector<int> &types,
                            const Matrix &cell)
{
  const int atoms = static_cast<int>(types.size());
  const double limit = tolerance * std::cbrt(determinant(cell) / atoms);
  for (size_t number = 0; number < operations.size(); ++number) {
    Operation &operation = operations[number];
    operation.images.assign(atoms, -1);
    std::vector<bool> taken(atoms, false);
    for (int i = 0; i < atoms; ++i) {
      double nearest = limit * limit;
      for (int j = 0; j < atoms; ++j) {
        if (types[i] != types[j] || taken[j]) continue;
        std::array<double, 3> apart{};
        for (int row = 0; row < 3; ++row) {
          apart[row] = operation.translation[row] - fractional[3 * j + row];
          for (int column = 0; column < 3; ++column)
            apart[row] += operation.rotation[row][column] * fractional[3 * i + column];
        }
        const double distance = squared_distance(apart, cell);
        if (distance >= nearest) continue;
        nearest = distance;
        operation.images[i] = j;
      }
      if (operation.images[i] < 0)
        return "operation " + std::to_string(number + 1) + " takes atom " + std::to_string(i + 1) +
            " to where no atom of its type is";
      taken[operation.images[i]] = true;
    }
  }
  return "";
}

std::vector<double> Symmetry::symmetric(const std::vector<double> &displacements) const
{
  std::vector<double> mean(displacements.size(), 0.0);
  const double weight = 1.0 / operations.size();
  for (const Operation &operation : operations)
    for (size_t i = 0; i < operation.images.size(); ++i) {
      const double *image = &displacements[3 * operation.images[i]];
      for (int row = 0; row < 3; ++row)
        for (int column = 0; column < 3; ++column)
          mean[3 * i + row] += weight * operation.inverse[row][column] * image[column];
    }
  return mean;
}

Matrix Symmetry::symmetric(const Matrix &strain, const Matrix &cell) const
{
  Matrix mean{};
  const Matrix back = inverted(cell);
  for (const Operation &operation : operations) {
    const Matrix turn = product(cell, product(operation.rotation, back));
    const Matrix turned = product(transposed(turn), product(strain, turn));
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) mean[i][j] += turned[i][j] / operations.size();
  }
  return mean;
}

}    // namespace rm_lammps

// SPDX-License-Identifier: GPL-2.0-or-later
// Time of the kernel alone: kernel FILE.allegro ATOMSxNEIGHBOURS ...   (see kernel.py)
// Prints the arithmetic of an edge in FLOP, the GFLOP/s that this core reaches with the kernel's
// vectors, and for each system the CPU time of an edge in µs, the best of many.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <random>
#include <sstream>

#include "native.h"
#include "vector.h"

using namespace rm_lammps;

double now()
{
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

template <typename Work> double best(int loops, Work work)
{
  double least = 1e9;
  for (int repeat = 0; repeat < 100; ++repeat) {
    const double start = now();
    for (int loop = 0; loop < loops; ++loop) work();
    least = std::min(least, (now() - start) / loops);
  }
  return least;
}

double peak()
{
  constexpr int sums = 12 / parts ? 12 / parts : 1, steps = 20000;
  volatile float source = 0.5f;
  const float factor = source;
  alignas(64) float result[lanes];
  const double seconds = best(1, [&] {
    Vector sum[sums];
    const Vector term = all(source);
    for (auto &s : sum) s = all(source);
    for (int step = 0; step < steps; ++step)
      for (auto &s : sum) s = factor * s + term;
    for (int i = 1; i < sums; ++i) sum[0] += sum[i];
    store(result, sum[0]);
    source = 0.5f + 0.0f * result[0];
  });
  return 2e-9 * lanes * sums * steps / seconds;
}

int main(int count, char **arguments)
{
  std::ifstream file(arguments[1], std::ios::binary);
  std::vector<double> cutoffs;
  double r_max = 0.0;
  int types = 0;
  for (std::string line; std::getline(file, line) && !line.empty();) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == "type_names")
      for (std::string type; words >> type;) ++types;
    if (name == "r_max") words >> r_max;
    if (name == "cutoffs")
      for (double cutoff; words >> cutoff;) cutoffs.push_back(cutoff);
  }
  std::stringstream rest;
  rest << file.rdbuf();
  const std::string weights = rest.str();
  NativeModel model(weights, cutoffs);
  const auto *sizes = reinterpret_cast<const int *>(weights.data());
  const double degrees = sizes[5], channels = sizes[6], hidden = sizes[7], readout = sizes[8],
               components = sizes[9];
  // products of matrices there and back; cubics and slopes; sums over components and degrees
  const double products = 2.0 * (channels * hidden + hidden * readout),
               cubics = 6.0 * (2.0 * degrees * channels + hidden + readout),
               angles = channels * (6.0 * components + 5.0 * degrees);
  std::printf("%.0f %.1f", 2.0 * (products + cubics + angles), peak());
  std::mt19937 generator(1);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  for (int argument = 2; argument < count; ++argument) {
    int atoms = 0, neighbours = 0;
    std::sscanf(arguments[argument], "%dx%d", &atoms, &neighbours);
    const int edges = atoms * neighbours;
    std::vector<int> centres(atoms), kinds(edges);
    std::vector<size_t> first(atoms + 1, 0);
    std::vector<double> vectors(3 * edges), energies(atoms);
    std::vector<float> gradients(3 * edges);
    for (int atom = 0; atom < atoms; ++atom) {
      centres[atom] = atom % std::min(types, 3);
      first[atom + 1] = first[atom] + neighbours;
    }
    for (int edge = 0; edge < edges; ++edge) {
      kinds[edge] = generator() % std::min(types, 3);
      double *v = &vectors[3 * edge], length = 0.0;
      for (int k = 0; k < 3; ++k) length += (v[k] = normal(generator)) * v[k];
      const double wanted = 0.9 + (r_max - 0.9) * std::cbrt(uniform(generator));
      for (int k = 0; k < 3; ++k) v[k] *= wanted / std::sqrt(length);
    }
    const Neighbours near{atoms, centres.data(), first.data(), kinds.data(), vectors.data()};
    const auto evaluate = [&] { model.evaluate(near, energies.data(), gradients.data()); };
    evaluate();    // makes the tables
    std::printf(" %.4f", 1e6 * best(std::max(1, 2000 / edges), evaluate) / edges);
  }
  std::printf("\n");
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "native.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "vector.h"

namespace rm_lammps {

namespace {

constexpr size_t enough = 48;    // edges that are evaluated together

// The degree of each component of the harmonics.
constexpr int degree_of[9] = {0, 1, 1, 1, 2, 2, 2, 2, 2};

constexpr int filled_up(int edges)
{
  return (edges + tile - 1) / tile * tile;
}

}    // namespace

// Lengths, directions and harmonics, and where in the tables the features are.
void NativeModel::locate(const Neighbours &near)
{
  constexpr float s3 = 1.7320508f, s5 = 2.2360680f, s15 = 3.8729833f;
  const size_t begin = near.first[0];
  edges_.resize(near.first[near.atoms] - begin);
  harmonics_.reserve(filled_up(edges_.size()), lanes);
  int centre = 0;
  for (size_t k = 0; k < edges_.size(); ++k) {
    while (begin + k >= near.first[centre + 1]) ++centre;
    const double *v = near.vectors + 3 * (begin + k);
    const double r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), inverse_r = 1.0 / r;
    const auto &t = table(near.centre_types[centre], near.types[begin + k]);
    const double place = r * t.inverse_step;
    const int knot = std::min(static_cast<int>(place), knots - 1);
    const float x = static_cast<float>(v[0] * inverse_r), y = static_cast<float>(v[1] * inverse_r),
                z = static_cast<float>(v[2] * inverse_r);
    edges_[k] = {t.rows.row(knot), static_cast<float>(place - knot),
                 static_cast<float>(t.inverse_step), x, y, z, static_cast<float>(r)};
    float *h = harmonics_.row(k);
    h[0] = 1.0f;
    h[1] = s3 * x, h[2] = s3 * y, h[3] = s3 * z;
    h[4] = s15 * x * z, h[5] = s15 * x * y, h[6] = s5 * (y * y - 0.5f * (x * x + z * z));
    h[7] = s15 * y * z, h[8] = 0.5f * s15 * (z * z - x * x);
  }
}

// The features of each edge and their slopes with respect to its length.
void NativeModel::look_up(int edges)
{
  const int padded = filled_up(edges);
  values_.reserve(padded, features_);
  slopes_.reserve(padded, features_);
  for (int k = 0; k < edges; ++k) {
    const auto &edge = edges_[k];
    // rows lie all over the tables, which are larger than the caches
    const float *next = edges_[std::min(k + 1, edges - 1)].row, *row = edge.row;
    const float a = edge.place, inverse = edge.inverse_step, linear = 2.0f * a * inverse,
                square = 3.0f * a * a * inverse;
    float *values = values_.row(k), *slopes = slopes_.row(k);
    for (int i = 0; i < features_; i += lanes, row += 4 * lanes, next += 4 * lanes) {
      for (int part = 0; part < 4; ++part) __builtin_prefetch(next + part * lanes);
      const Vector c1 = load(row + lanes), c2 = load(row + 2 * lanes), c3 = load(row + 3 * lanes);
      store(values + i, load(row) + a * (c1 + a * (c2 + a * c3)));
      store(slopes + i, inverse * c1 + linear * c2 + square * c3);
    }
  }
  // edges that fill up the last tile have no features and so contribute nothing
  for (int k = edges; k < padded; ++k) std::fill_n(values_.row(k), features_, 0.0f);
}

namespace {

// out[k][0..16*C) = start[k][...] + in[k][0..depth) * matrix[depth][...], for a tile of edges
template <int C>
inline void multiply_tile(int depth, const float *const in[tile], const float *matrix, int width,
                          const float *const start[tile], float *const out[tile])
{
  Vector sum[tile][C];
  for (int k = 0; k < tile; ++k)
    for (int c = 0; c < C; ++c) sum[k][c] = start ? load(start[k] + c * lanes) : zero();
  int i = 0;
  if constexpr (C == 1 && widest_tile > 1) {
    // a second set of sums: one alone would wait for its own results
    Vector more[tile];
    for (auto &m : more) m = zero();
    for (; i + 2 <= depth; i += 2) {
      const Vector even = load(matrix + size_t(i) * width),
                   odd = load(matrix + size_t(i + 1) * width);
      for (int k = 0; k < tile; ++k) {
        sum[k][0] += in[k][i] * even;
        more[k] += in[k][i + 1] * odd;
      }
    }
    for (int k = 0; k < tile; ++k) sum[k][0] += more[k];
  }
  for (; i < depth; ++i) {
    Vector row[C];
    for (int c = 0; c < C; ++c) row[c] = load(matrix + size_t(i) * width + c * lanes);
    for (int k = 0; k < tile; ++k)
      for (int c = 0; c < C; ++c) sum[k][c] += in[k][i] * row[c];
  }
  for (int k = 0; k < tile; ++k)
    for (int c = 0; c < C; ++c) store(out[k] + c * lanes, sum[k][c]);
}

template <typename In, typename Start, typename Out>
void multiply(int edges, int depth, int width, const float *matrix, In in, Start start, Out out)
{
  for (int k = 0; k < edges; k += tile) {
    int column = 0;
    const auto run = [&](auto count) {
      constexpr int C = decltype(count)::value;
      for (; column + C * lanes <= width; column += C * lanes) {
        const float *from[tile], *begin[tile];
        float *to[tile];
        bool has_start = false;
        for (int e = 0; e < tile; ++e) {
          from[e] = in(k + e);
          begin[e] = start(k + e);
          has_start = begin[e] != nullptr;
          if (has_start) begin[e] += column;
          to[e] = out(k + e) + column;
        }
        multiply_tile<C>(depth, from, matrix + column, width, has_start ? begin : nullptr, to);
      }
    };
    if constexpr (widest_tile >= 4) run(std::integral_constant<int, 4>());
    if constexpr (widest_tile >= 2) run(std::integral_constant<int, 2>());
    run(std::integral_constant<int, 1>());
  }
}

const float *nothing(int)
{
  return nullptr;
}

}    // namespace

// mixed: of each atom, the sum of its weighted harmonics times the product's coefficients.
template <int degrees> void NativeModel::environment(const Neighbours &near)
{
  constexpr int components = degrees * degrees;
  mixed_.reserve(size_t(near.atoms) * components, channels_);
  for (int atom = 0, k = 0; atom < near.atoms; ++atom) {
    const int begin = k, end = static_cast<int>(near.first[atom + 1] - near.first[0]);
    const float around = static_cast<float>(norm_[near.centre_types[atom]]);
    for (int u = 0; u < channels_; u += lanes) {
      Vector sum[components];
      for (auto &s : sum) s = zero();
      for (k = begin; k < end; ++k) {
        const float *h = harmonics_.row(k), *w = values_.row(k) + degrees * channels_ + u;
        Vector weight[degrees];
        for (int l = 0; l < degrees; ++l) weight[l] = load(w + l * channels_);
        for (int i = 0; i < components; ++i) sum[i] += h[i] * weight[degree_of[i]];
      }
      for (int i = 0; i < components; ++i)
        store(mixed_.row(atom * components + i) + u, around * sum[i] * load(product_.row(i) + u));
    }
  }
}

// Invariants of the product of own and surrounding harmonics.
template <int degrees> void NativeModel::invariants(const Neighbours &near)
{
  constexpr int components = degrees * degrees;
  const int padded = filled_up(edges_.size());
  projected_.reserve(padded, degrees * channels_);
  scalars_.reserve(padded, channels_);
  for (int atom = 0, k = 0; atom < near.atoms; ++atom) {
    const int begin = k, end = static_cast<int>(near.first[atom + 1] - near.first[0]);
    for (int u = 0; u < channels_; u += lanes) {
      Vector mixed[components];
      for (int i = 0; i < components; ++i) mixed[i] = load(mixed_.row(atom * components + i) + u);
      for (k = begin; k < end; ++k) {
        const float *h = harmonics_.row(k), *w = values_.row(k) + u;
        Vector sum[degrees], scalar = zero();
        for (auto &s : sum) s = zero();
        for (int i = 0; i < components; ++i) sum[degree_of[i]] += h[i] * mixed[i];
        for (int l = 0; l < degrees; ++l) {
          store(projected_.row(k) + l * channels_ + u, sum[l]);
          scalar += sum[l] * load(w + l * channels_);
        }
        store(scalars_.row(k) + u, scalar);
      }
    }
  }
  for (int k = edges_.size(); k < padded; ++k) std::fill_n(scalars_.row(k), channels_, 0.0f);
}

// Latent and readout networks. Afterwards latent_in_ and readout_in_ hold the slopes of the
// nonlinearities, which is all that the gradients need.
void NativeModel::networks(const Neighbours &near, double *energies)
{
  const int edges = static_cast<int>(edges_.size()), padded = filled_up(edges);
  const int latent = 2 * degrees_ * channels_, read = latent + hidden_;
  latent_in_.reserve(padded, hidden_);
  latent_out_.reserve(padded, hidden_);
  readout_in_.reserve(padded, readout_);
  multiply(padded, channels_, hidden_, invariants_.row(0), [this](int k) { return scalars_.row(k); },
           [this, latent](int k) { return values_.row(k) + latent; },
           [this](int k) { return latent_in_.row(k); });
  for (int k = 0; k < padded; ++k)
    for (int i = 0; i < hidden_; i += lanes) {
      const Vector z = load(latent_in_.row(k) + i), s = sigmoid(z);
      store(latent_out_.row(k) + i, z * s);
      store(latent_in_.row(k) + i, s * (all(1.0f) + z * complement(s)));
    }
  multiply(padded, hidden_, readout_, latent_.row(0), [this](int k) { return latent_out_.row(k); },
           [this, read](int k) { return values_.row(k) + read; },
           [this](int k) { return readout_in_.row(k); });
  for (int atom = 0, k = 0; atom < near.atoms; ++atom) {
    const int type = near.centre_types[atom];
    const double scale = sum_norm_[type] * energy_scale_[type];
    const float weight = static_cast<float>(scale);
    double energy = 0.0;
    for (const int end = static_cast<int>(near.first[atom + 1] - near.first[0]); k < end; ++k) {
      Vector sum = zero();
      for (int i = 0; i < readout_; i += lanes) {
        const Vector z = load(readout_in_.row(k) + i), s = sigmoid(z), last = load(last_.row(0) + i);
        sum += z * s * last;
        store(readout_in_.row(k) + i, weight * last * s * (all(1.0f) + z * complement(s)));
      }
      energy += total(sum);
    }
    energies[atom] = energy_shift_[type] + scale * energy;
  }
  for (int k = edges; k < padded; ++k) std::fill_n(readout_in_.row(k), readout_, 0.0f);
}

// Afterwards readout_in_, latent_in_ and scalars_ hold the gradients of these features.
void NativeModel::networks_back(int edges)
{
  const int padded = filled_up(edges);
  multiply(padded, readout_, hidden_, latent_back_.row(0),
           [this](int k) { return readout_in_.row(k); }, nothing,
           [this](int k) { return latent_out_.row(k); });
  for (int k = 0; k < padded; ++k)
    for (int i = 0; i < hidden_; i += lanes)
      store(latent_in_.row(k) + i, load(latent_in_.row(k) + i) * load(latent_out_.row(k) + i));
  multiply(padded, hidden_, channels_, invariants_back_.row(0),
           [this](int k) { return latent_in_.row(k); }, nothing,
           [this](int k) { return scalars_.row(k); });
}

// harmonics_back_: gradients with respect to the harmonics, and in the last place to the length.
template <int degrees> void NativeModel::product_back(const Neighbours &near)
{
  constexpr int components = degrees * degrees;
  const int block = degrees * channels_, latent = 2 * block, read = latent + hidden_;
  harmonics_back_.reserve(edges_.size(), lanes);
  around_back_.reserve(components, channels_);
  for (int atom = 0, k = 0; atom < near.atoms; ++atom) {
    const int begin = k, end = static_cast<int>(near.first[atom + 1] - near.first[0]);
    const float around = static_cast<float>(norm_[near.centre_types[atom]]);
    // of the environment, to which every edge contributes
    for (int u = 0; u < channels_; u += lanes) {
      Vector back[components];
      for (auto &b : back) b = zero();
      for (k = begin; k < end; ++k) {
        const float *h = harmonics_.row(k), *w = values_.row(k) + u;
        const Vector scalar = load(scalars_.row(k) + u);
        Vector weight[degrees];
        for (int l = 0; l < degrees; ++l) weight[l] = scalar * load(w + l * channels_);
        for (int i = 0; i < components; ++i) back[i] += h[i] * weight[degree_of[i]];
      }
      for (int i = 0; i < components; ++i)
        store(around_back_.row(i) + u, around * back[i] * load(product_.row(i) + u));
    }
    for (k = begin; k < end; ++k) {
      const float *h = harmonics_.row(k), *values = values_.row(k), *slopes = slopes_.row(k);
      Vector sums[lanes], radial = zero();
      for (int i = 0; i < components; ++i) sums[i] = zero();
      for (int i = 0; i < hidden_; i += lanes)
        radial += load(latent_in_.row(k) + i) * load(slopes + latent + i);
      for (int i = 0; i < readout_; i += lanes)
        radial += load(readout_in_.row(k) + i) * load(slopes + read + i);
      for (int u = 0; u < channels_; u += lanes) {
        const Vector scalar = load(scalars_.row(k) + u);
        Vector own[degrees], other[degrees], through[degrees];
        for (int l = 0; l < degrees; ++l) {
          const int place = l * channels_ + u;
          own[l] = scalar * load(values + place);
          other[l] = load(values + block + place);
          through[l] = zero();
          radial += scalar * load(projected_.row(k) + place) * load(slopes + place);
        }
        for (int i = 0; i < components; ++i) {
          const Vector back = load(around_back_.row(i) + u);
          through[degree_of[i]] += h[i] * back;
          sums[i] += load(mixed_.row(atom * components + i) + u) * own[degree_of[i]];
          sums[i] += back * other[degree_of[i]];
        }
        for (int l = 0; l < degrees; ++l)
          radial += through[l] * load(slopes + block + l * channels_ + u);
      }
      sums[lanes - 1] = radial;
      store(harmonics_back_.row(k), totals(sums, components));
    }
  }
}

// From distances and harmonics to the vectors.
void NativeModel::finish(int edges, float *gradients) const
{
  constexpr float s3 = 1.7320508f, s5 = 2.2360680f, s15 = 3.8729833f;
  for (int k = 0; k < edges; ++k) {
    const auto &[row, place, inverse_step, x, y, z, r] = edges_[k];
    const float *g = harmonics_back_.row(k);
    float gx = s3 * g[1], gy = s3 * g[2], gz = s3 * g[3];
    gx += s15 * (g[4] * z + g[5] * y - g[8] * x) - s5 * g[6] * x;
    gy += s15 * (g[5] * x + g[7] * z) + 2.0f * s5 * g[6] * y;
    gz += s15 * (g[4] * x + g[7] * y + g[8] * z) - s5 * g[6] * z;
    const float along = gx * x + gy * y + gz * z, radial = g[lanes - 1];
    gradients[3 * k] = radial * x + (gx - along * x) / r;
    gradients[3 * k + 1] = radial * y + (gy - along * y) / r;
    gradients[3 * k + 2] = radial * z + (gz - along * z) / r;
  }
}

void NativeModel::evaluate_group(const Neighbours &near, double *energies, float *gradients)
{
  evaluations_ += near.atoms;
  locate(near);
  const int edges = static_cast<int>(edges_.size());
  look_up(edges);
  const auto product = [&](auto count) {
    constexpr int degrees = decltype(count)::value;
    environment<degrees>(near);
    invariants<degrees>(near);
    networks(near, energies);
    networks_back(edges);
    product_back<degrees>(near);
  };
  if (degrees_ == 1)
    product(std::integral_constant<int, 1>());
  else if (degrees_ == 2)
    product(std::integral_constant<int, 2>());
  else
    product(std::integral_constant<int, 3>());
  finish(edges, gradients);
}

// Atoms with few neighbours are evaluated together, so that few edges of tiles stay empty; atoms
// with many alone, so that what belongs to them stays in the cache.
void NativeModel::evaluate(const Neighbours &near, double *energies, float *gradients)
{
  for (int begin = 0, end; begin < near.atoms; begin = end) {
    const size_t first = near.first[begin];
    for (end = begin + 1; end < near.atoms && near.first[end] - first < enough; ++end) {}
    evaluate_group({end - begin, near.centre_types + begin, near.first + begin, near.types,
                    near.vectors}, energies + begin, gradients + 3 * first);
  }
}

}    // namespace rm_lammps

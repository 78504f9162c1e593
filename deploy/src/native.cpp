// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "native.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "vector.h"

namespace rm_lammps {

namespace {

constexpr int tile = 4;    // edges that share the loads of a matrix

}    // namespace

// Distances, directions, harmonics, and the pairs' features by cubic Hermite interpolation.
void NativeModel::look_up(int centre, int n, const int *neighbours, const double *vectors)
{
  const int padded = (n + tile - 1) / tile * tile;
  directions_.resize(padded);
  values_.reserve(padded, features_);
  slopes_.reserve(padded, features_);
  harmonics_.reserve(padded, lanes);
  for (int k = 0; k < n; ++k) {
    const double *v = vectors + 3 * k;
    const double r = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    const auto &t = table(centre, neighbours[k]);
    const double place = r * t.inverse_step;
    const int knot = std::min(static_cast<int>(place), knots - 1);
    const float a = static_cast<float>(place - knot), inverse = static_cast<float>(t.inverse_step);
    const float *low = t.rows.row(knot), *high = t.rows.row(knot + 1);
    const float up = a * a * (3.0f - 2.0f * a), left = a * (1.0f - a) * (1.0f - a),
                right = a * a * (a - 1.0f);
    const float up_slope = 6.0f * a * (1.0f - a) * inverse,
                left_slope = (3.0f * a * a - 4.0f * a + 1.0f) * inverse,
                right_slope = (3.0f * a * a - 2.0f * a) * inverse;
    float *values = values_.row(k), *slopes = slopes_.row(k);
    for (int i = 0; i < features_; i += lanes) {
      const Vector p = load(low + i), step = load(low + features_ + i),
                   m = load(low + 2 * features_ + i), q = load(high + 2 * features_ + i);
      store(values + i, p + up * step + left * m + right * q);
      store(slopes + i, up_slope * step + left_slope * m + right_slope * q);
    }
    const double inverse_r = 1.0 / r;
    const float x = static_cast<float>(v[0] * inverse_r), y = static_cast<float>(v[1] * inverse_r),
                z = static_cast<float>(v[2] * inverse_r);
    directions_[k] = {x, y, z, static_cast<float>(r)};
    constexpr float s3 = 1.7320508f, s5 = 2.2360680f, s15 = 3.8729833f;
    float *h = harmonics_.row(k);
    h[0] = 1.0f;
    h[1] = s3 * x, h[2] = s3 * y, h[3] = s3 * z;
    h[4] = s15 * x * z, h[5] = s15 * x * y, h[6] = s5 * (y * y - 0.5f * (x * x + z * z));
    h[7] = s15 * y * z, h[8] = 0.5f * s15 * (z * z - x * x);
  }
  // edges that fill up the last tile have no features and so contribute nothing
  for (int k = n; k < padded; ++k) {
    std::fill_n(values_.row(k), features_, 0.0f);
    std::fill_n(harmonics_.row(k), lanes, 0.0f);
  }
}

namespace {

// The degree of each component of the harmonics.
constexpr int degree_of[9] = {0, 1, 1, 1, 2, 2, 2, 2, 2};

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
    if constexpr (widest_tile >= 4) {
      run(std::integral_constant<int, 4>());
      run(std::integral_constant<int, 2>());
    }
    run(std::integral_constant<int, 1>());
  }
}

const float *nothing(int)
{
  return nullptr;
}

}    // namespace

void NativeModel::forward(int centre, int n)
{
  const int padded = (n + tile - 1) / tile * tile;
  const int block = degrees_ * channels_, latent = 2 * block, read = latent + hidden_;
  around_ = static_cast<float>(norm_[centre]);
  weight_ = static_cast<float>(sum_norm_[centre] * energy_scale_[centre]);

  // environment: sum of weighted harmonics; then times the product's coefficients
  mixed_.reserve(components_, channels_);
  for (int u = 0; u < channels_; u += lanes) {
    Vector sum[9];
    for (auto &s : sum) s = zero();
    for (int k = 0; k < n; ++k) {
      const float *h = harmonics_.row(k), *w = values_.row(k) + block + u;
      const Vector by_degree[3] = {load(w), load(w + channels_ * (degrees_ > 1)),
                                   load(w + 2 * channels_ * (degrees_ > 2))};
      for (int i = 0; i < components_; ++i) sum[i] += h[i] * by_degree[degree_of[i]];
    }
    for (int i = 0; i < components_; ++i)
      store(mixed_.row(i) + u, around_ * sum[i] * load(product_.row(i) + u));
  }

  // invariants of the product of own and surrounding harmonics
  projected_.reserve(padded, block);
  scalars_.reserve(padded, channels_);
  for (int k = 0; k < padded; ++k) {
    const float *h = harmonics_.row(k), *w = values_.row(k);
    for (int u = 0; u < channels_; u += lanes) {
      Vector by_degree[3] = {zero(), zero(), zero()}, scalar = zero();
      for (int i = 0; i < components_; ++i)
        by_degree[degree_of[i]] += h[i] * load(mixed_.row(i) + u);
      for (int l = 0; l < degrees_; ++l) {
        store(projected_.row(k) + l * channels_ + u, by_degree[l]);
        scalar += by_degree[l] * load(w + l * channels_ + u);
      }
      store(scalars_.row(k) + u, scalar);
    }
  }

  // latent and readout networks
  latent_in_.reserve(padded, hidden_);
  latent_out_.reserve(padded, hidden_);
  readout_in_.reserve(padded, readout_);
  multiply(padded, channels_, hidden_, invariants_.row(0), [this](int k) { return scalars_.row(k); },
           [this, latent](int k) { return values_.row(k) + latent; },
           [this](int k) { return latent_in_.row(k); });
  // latent_in_ keeps the slopes of the nonlinearity, which is all the gradient needs
  for (int k = 0; k < padded; ++k)
    for (int i = 0; i < hidden_; i += lanes) {
      const Vector z = load(latent_in_.row(k) + i), s = sigmoid(z);
      store(latent_out_.row(k) + i, z * s);
      store(latent_in_.row(k) + i, s * (all(1.0f) + z * complement(s)));
    }
  multiply(padded, hidden_, readout_, latent_.row(0), [this](int k) { return latent_out_.row(k); },
           [this, read](int k) { return values_.row(k) + read; },
           [this](int k) { return readout_in_.row(k); });
  energy_ = 0.0;
  for (int k = 0; k < n; ++k) {
    Vector sum = zero();
    for (int i = 0; i < readout_; i += lanes) {
      const Vector z = load(readout_in_.row(k) + i), s = sigmoid(z), last = load(last_.row(0) + i);
      sum += z * s * last;
      store(readout_in_.row(k) + i, weight_ * last * s * (all(1.0f) + z * complement(s)));
    }
    energy_ += total(sum);
  }
  for (int k = n; k < padded; ++k) std::fill_n(readout_in_.row(k), readout_, 0.0f);
}

// Afterwards readout_in_ and latent_in_ hold the gradients of these features, slopes_[0] of a row
// the gradient with respect to the distance, harmonics_back_ that with respect to the harmonics.
void NativeModel::backward(int n)
{
  const int padded = (n + tile - 1) / tile * tile;
  const int block = degrees_ * channels_, latent = 2 * block, read = latent + hidden_;
  multiply(padded, readout_, hidden_, latent_back_.row(0),
           [this](int k) { return readout_in_.row(k); }, nothing,
           [this](int k) { return latent_out_.row(k); });
  for (int k = 0; k < padded; ++k)
    for (int i = 0; i < hidden_; i += lanes)
      store(latent_in_.row(k) + i, load(latent_in_.row(k) + i) * load(latent_out_.row(k) + i));
  multiply(padded, hidden_, channels_, invariants_back_.row(0),
           [this](int k) { return latent_in_.row(k); }, nothing,
           [this](int k) { return scalars_.row(k); });

  harmonics_back_.reserve(padded, lanes);
  for (int k = 0; k < n; ++k) {
    float *h = harmonics_back_.row(k);
    store(h, zero());
    Vector sum = zero();
    const float *slopes = slopes_.row(k);
    for (int i = 0; i < hidden_; i += lanes)
      sum += load(latent_in_.row(k) + i) * load(slopes + latent + i);
    for (int i = 0; i < readout_; i += lanes)
      sum += load(readout_in_.row(k) + i) * load(slopes + read + i);
    h[lanes - 1] = total(sum);    // the gradient with respect to the distance
  }
  for (int u = 0; u < channels_; u += lanes) {
    Vector back[9], mixed[9];
    for (int i = 0; i < components_; ++i) {
      back[i] = zero();
      mixed[i] = load(mixed_.row(i) + u);
    }
    // through the own harmonics of each edge
    for (int k = 0; k < n; ++k) {
      const float *h = harmonics_.row(k), *w = values_.row(k) + u, *slopes = slopes_.row(k) + u;
      float *h_back = harmonics_back_.row(k);
      const Vector scalar = load(scalars_.row(k) + u);
      Vector by_degree[3], radial = zero();
      for (int l = 0; l < degrees_; ++l) {
        by_degree[l] = scalar * load(w + l * channels_);
        radial += scalar * load(projected_.row(k) + l * channels_ + u) * load(slopes + l * channels_);
      }
      Vector sums[lanes];
      for (int i = 0; i < components_; ++i) {
        back[i] += h[i] * by_degree[degree_of[i]];
        sums[i] = mixed[i] * by_degree[degree_of[i]];
      }
      sums[lanes - 1] = radial;
      store(h_back, load(h_back) + totals(sums, components_));
    }
    // through the environment, to which every edge contributes
    for (int i = 0; i < components_; ++i) back[i] *= around_ * load(product_.row(i) + u);
    for (int k = 0; k < n; ++k) {
      const float *h = harmonics_.row(k), *w = values_.row(k) + block + u,
                  *slopes = slopes_.row(k) + block + u;
      float *h_back = harmonics_back_.row(k);
      Vector by_degree[3] = {zero(), zero(), zero()}, radial = zero(), sums[lanes];
      for (int i = 0; i < components_; ++i) {
        by_degree[degree_of[i]] += h[i] * back[i];
        sums[i] = back[i] * load(w + degree_of[i] * channels_);
      }
      for (int l = 0; l < degrees_; ++l) radial += by_degree[l] * load(slopes + l * channels_);
      sums[lanes - 1] = radial;
      store(h_back, load(h_back) + totals(sums, components_));
    }
  }
}

// From distances and harmonics to the vectors.
void NativeModel::finish(int n, float *gradients) const
{
  constexpr float s3 = 1.7320508f, s5 = 2.2360680f, s15 = 3.8729833f;
  for (int k = 0; k < n; ++k) {
    const auto [x, y, z, r] = directions_[k];
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

double NativeModel::evaluate(int centre, int n, const int *neighbours, const double *vectors,
                             float *gradients)
{
  double energy = energy_shift_[centre];
  if (n == 0) return energy;
  ++evaluations_;
  look_up(centre, n, neighbours, vectors);
  forward(centre, n);
  backward(n);
  finish(n, gradients);
  return energy + energy_scale_[centre] * sum_norm_[centre] * energy_;
}

}    // namespace rm_lammps

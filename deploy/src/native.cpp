// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#include "native.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "vector.h"

namespace rm_lammps {

namespace {

constexpr int format = 1;
constexpr int knots = 768;    // of a table: interpolation near float32's rounding
constexpr int tile = 4;        // edges that share the loads of a matrix

double silu(double z)
{
  return z / (1.0 + std::exp(-z));
}

double silu_slope(double z)
{
  const double sigmoid = 1.0 / (1.0 + std::exp(-z));
  return sigmoid * (1.0 + z * (1.0 - sigmoid));
}

// Reads the serialised weights one array after the other.
class Reader {
 public:
  explicit Reader(const std::string &bytes) : bytes_(bytes) {}

  int integer()
  {
    std::int32_t value;
    take(&value, sizeof(value));
    return value;
  }
  std::vector<double> doubles(size_t count)
  {
    std::vector<double> values(count);
    take(values.data(), count * sizeof(double));
    return values;
  }
  bool finished() const { return position_ == bytes_.size(); }

 private:
  void take(void *target, size_t size)
  {
    if (position_ + size > bytes_.size()) throw std::runtime_error("the weights are cut short");
    std::memcpy(target, bytes_.data() + position_, size);
    position_ += size;
  }
  const std::string &bytes_;
  size_t position_ = 0;
};

}    // namespace

float *NativeModel::Rows::reserve(size_t rows, size_t width)
{
  width_ = width;
  const size_t needed = rows * width + lanes;
  if (storage_.size() < needed) storage_.resize(needed + needed / 4);
  const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
  const size_t skip = (64 - address % 64) % 64 / sizeof(float);
  data_ = storage_.data() + skip;
  return data_;
}

NativeModel::NativeModel(const std::string &weights, const std::vector<double> &cutoffs) :
    cutoffs_(cutoffs)
{
  Reader reader(weights);
  if (reader.integer() != format) throw std::runtime_error("weights of another format");
  for (int *size : {&types_, &bessels_, &embed_, &extra_, &degrees_, &channels_, &hidden_,
                    &readout_, &components_})
    *size = reader.integer();
  reader.integer();
  tables_.resize(size_t(types_) * types_);
  features_ = 2 * degrees_ * channels_ + hidden_ + readout_;
  const size_t types = types_, pairs = types * types;
  power_ = reader.doubles(1)[0];
  frequencies_ = reader.doubles(bessels_);
  scale_ = reader.doubles(pairs);
  by_centre_ = reader.doubles(types * bessels_ * embed_);
  by_neighbour_ = reader.doubles(types * bessels_ * embed_);
  extra_layers_ = reader.doubles(size_t(extra_) * embed_ * embed_);
  source_ = reader.doubles(size_t(embed_) * features_);

  // the matrix as it is, and where needed its transpose for the gradient
  const auto matrix = [&reader](size_t rows, size_t columns, Rows &to, Rows *back) {
    const auto values = reader.doubles(rows * columns);
    to.reserve(rows, columns);
    if (back) back->reserve(columns, rows);
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) {
        to.row(i)[j] = static_cast<float>(values[i * columns + j]);
        if (back) back->row(j)[i] = static_cast<float>(values[i * columns + j]);
      }
  };
  matrix(components_, channels_, product_, nullptr);
  matrix(channels_, hidden_, invariants_, &invariants_back_);
  matrix(hidden_, readout_, latent_, &latent_back_);
  matrix(1, readout_, last_, nullptr);
  norm_ = reader.doubles(types);
  sum_norm_ = reader.doubles(types);
  energy_scale_ = reader.doubles(types);
  energy_shift_ = reader.doubles(types);
  if (!reader.finished() || cutoffs_.size() != pairs)
    throw std::runtime_error("the weights do not fit together");
}

double NativeModel::memory() const
{
  double bytes = values_.bytes() + slopes_.bytes() + latent_in_.bytes() + latent_out_.bytes();
  for (const auto &table : tables_)
    if (table) bytes += table->rows.bytes();
  return bytes;
}

// ---- tables

const NativeModel::Table &NativeModel::table(int centre, int neighbour)
{
  auto &slot = tables_[centre * types_ + neighbour];
  if (!slot) {
    make_room();
    slot = std::make_unique<Table>();
    build(*slot, centre, neighbour);
  }
  slot->used = evaluations_;
  return *slot;
}

void NativeModel::make_room()
{
  double bytes = 0.0;
  for (const auto &slot : tables_)
    if (slot) bytes += slot->rows.bytes();
  while (bytes > table_budget) {
    std::unique_ptr<Table> *oldest = nullptr;
    for (auto &slot : tables_)
      if (slot && (!oldest || slot->used < (*oldest)->used)) oldest = &slot;
    if (!oldest || (*oldest)->used + patience >= evaluations_) return;
    bytes -= (*oldest)->rows.bytes();
    oldest->reset();
  }
}

void NativeModel::build(Table &table, int centre, int neighbour) const
{
  const size_t block = size_t(bessels_) * embed_;
  std::vector<double> first(block), values(features_), slopes(features_);
  for (size_t i = 0; i < block; ++i)
    first[i] = by_centre_[centre * block + i] + by_neighbour_[neighbour * block + i];
  const double cutoff = cutoffs_[centre * types_ + neighbour];
  const double step = cutoff / (knots - 1);
  const double scale = scale_[centre * types_ + neighbour];
  table.inverse_step = 1.0 / step;
  // one knot more than needed, for what the last one looks up in its neighbour
  table.rows.reserve(knots + 1, 3 * features_);
  std::vector<double> before(features_);
  for (int knot = 0; knot <= knots; ++knot) {
    // the limit at zero distance is finite, its formula is not
    const double r = knot == 0 ? 1e-6 * step : knot * step;
    pair_features(std::min(r * scale, 1.0), first, values.data(), slopes.data());
    float *row = table.rows.row(knot);
    for (int i = 0; i < features_; ++i) {
      row[i] = static_cast<float>(values[i]);
      row[2 * features_ + i] = static_cast<float>(slopes[i] * scale * step);
      // differences rounded once keep the slopes precise: rounded values would not
      if (knot > 0) row[i - 2 * features_] = static_cast<float>(values[i] - before[i]);
      row[features_ + i] = 0.0f;
    }
    before = values;
  }
}

// Features of a pair and their slopes with respect to x, the distance in units of the cutoff.
void NativeModel::pair_features(double x, const std::vector<double> &first, double *values,
                                double *slopes) const
{
  const double p = power_, a = (p + 1.0) * (p + 2.0) / 2.0, b = p * (p + 2.0),
               c = p * (p + 1.0) / 2.0;
  const double cut = 1.0 - a * std::pow(x, p) + b * std::pow(x, p + 1.0) - c * std::pow(x, p + 2.0);
  const double cut_slope = -a * p * std::pow(x, p - 1.0) + b * (p + 1.0) * std::pow(x, p) -
      c * (p + 2.0) * std::pow(x, p + 1.0);
  std::vector<double> hidden(embed_, 0.0), slope(embed_, 0.0);
  for (int n = 0; n < bessels_; ++n) {
    const double w = frequencies_[n];
    const double wave = std::sin(w * x) / (M_PI * x);
    const double wave_slope = (w * std::cos(w * x) / M_PI - wave) / x;
    const double value = wave * cut, value_slope = wave_slope * cut + wave * cut_slope;
    for (int i = 0; i < embed_; ++i) {
      hidden[i] += value * first[size_t(n) * embed_ + i];
      slope[i] += value_slope * first[size_t(n) * embed_ + i];
    }
  }
  const auto activate = [&] {
    for (int i = 0; i < embed_; ++i) {
      slope[i] *= silu_slope(hidden[i]);
      hidden[i] = silu(hidden[i]);
    }
  };
  const auto multiply = [&](const double *matrix, int columns, double *out, double *out_slope) {
    std::fill_n(out, columns, 0.0);
    std::fill_n(out_slope, columns, 0.0);
    for (int i = 0; i < embed_; ++i)
      for (int j = 0; j < columns; ++j) {
        out[j] += hidden[i] * matrix[size_t(i) * columns + j];
        out_slope[j] += slope[i] * matrix[size_t(i) * columns + j];
      }
  };
  activate();
  std::vector<double> next(embed_), next_slope(embed_);
  for (int layer = 0; layer < extra_; ++layer) {
    multiply(extra_layers_.data() + size_t(layer) * embed_ * embed_, embed_, next.data(),
             next_slope.data());
    hidden.swap(next);
    slope.swap(next_slope);
    activate();
  }
  multiply(source_.data(), features_, values, slopes);
}

// ---- evaluation

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

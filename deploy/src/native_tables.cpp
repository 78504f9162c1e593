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
  table.rows.reserve(knots, 4 * features_);
  std::vector<double> before(features_), slopes_before(features_);
  for (int knot = 0; knot <= knots; ++knot) {
    // the limit at zero distance is finite, its formula is not
    const double r = knot == 0 ? 1e-6 * step : knot * step;
    pair_features(std::min(r * scale, 1.0), first, values.data(), slopes.data());
    for (auto &slope : slopes) slope *= scale * step;
    for (int i = 0; i < features_ && knot > 0; ++i) {
      // rounded once, at the end: differences of rounded numbers would spoil the slopes
      const double rise = values[i] - before[i], left = slopes_before[i], right = slopes[i];
      const double cubic[4] = {before[i], left, 3.0 * rise - 2.0 * left - right,
                               left + right - 2.0 * rise};
      float *row = table.rows.row(knot - 1) + i / lanes * 4 * lanes + i % lanes;
      for (int power = 0; power < 4; ++power) row[power * lanes] = static_cast<float>(cubic[power]);
    }
    before = values;
    slopes_before = slopes;
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

}    // namespace rm_lammps

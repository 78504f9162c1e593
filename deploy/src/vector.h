// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_VECTOR_H
#define RM_LAMMPS_VECTOR_H

// Vectors of 16 floats, in the language extension of GCC and Clang: one AVX-512 register, two of
// AVX2, four of SSE or NEON. (Compilers break longer vectors than the CPU has into single numbers,
// which is twenty times slower; hence the parts.)

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <cstring>

namespace rm_lammps {

constexpr int lanes = 16;

#if defined(__AVX512F__)
constexpr int part_bytes = 64;
#elif defined(__AVX__)
constexpr int part_bytes = 32;
#else
constexpr int part_bytes = 16;
#endif
constexpr int part_lanes = part_bytes / 4, parts = lanes / part_lanes;
// of a matrix product, held in registers at once: edges that share the loads of a matrix, and
// columns in vectors. AVX-512 has 32 registers, AVX2 16 of half the length; NEON 32 of a quarter.
constexpr int tile = parts == 2 ? 3 : 4, widest_tile = parts == 1 ? 4 : parts == 2 ? 2 : 1;

typedef float Part __attribute__((vector_size(part_bytes)));
typedef int PartIntegers __attribute__((vector_size(part_bytes)));
typedef float PartInMemory __attribute__((vector_size(part_bytes), may_alias));

struct Vector {
  Part part[parts];

  Vector &operator+=(const Vector &other)
  {
    for (int i = 0; i < parts; ++i) part[i] += other.part[i];
    return *this;
  }
  Vector &operator*=(const Vector &other)
  {
    for (int i = 0; i < parts; ++i) part[i] *= other.part[i];
    return *this;
  }
};

inline Vector all(float value)
{
  Vector v;
  for (auto &part : v.part) part = Part{} + value;
  return v;
}

inline Vector zero()
{
  return all(0.0f);
}

// from and to addresses that are multiples of 64 bytes
inline Vector load(const float *from)
{
  Vector v;
  for (int i = 0; i < parts; ++i)
    v.part[i] = *reinterpret_cast<const PartInMemory *>(from + i * part_lanes);
  return v;
}

inline void store(float *to, const Vector &v)
{
  for (int i = 0; i < parts; ++i)
    *reinterpret_cast<PartInMemory *>(to + i * part_lanes) = v.part[i];
}

inline Vector operator+(Vector a, const Vector &b)
{
  return a += b;
}

inline Vector operator*(Vector a, const Vector &b)
{
  return a *= b;
}

inline Vector operator*(float a, Vector b)
{
  for (auto &part : b.part) part *= a;
  return b;
}

// 1 - v
inline Vector complement(Vector v)
{
  for (auto &part : v.part) part = 1.0f - part;
  return v;
}

template <int... order> inline Part shuffled(Part a, Part b)
{
#if defined(__clang__)
  return __builtin_shufflevector(a, b, order...);
#else
  return __builtin_shuffle(a, b, PartIntegers{order...});
#endif
}

// The sum of all numbers, by halves.
inline float total(const Vector &v)
{
  Part sum = v.part[0];
  for (int i = 1; i < parts; ++i) sum += v.part[i];
#if defined(__AVX512F__)
  sum += shuffled<8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7>(sum, sum);
  sum += shuffled<4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11>(sum, sum);
  sum += shuffled<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(sum, sum);
#elif defined(__AVX__)
  sum += shuffled<4, 5, 6, 7, 0, 1, 2, 3>(sum, sum);
  sum += shuffled<2, 3, 0, 1, 6, 7, 4, 5>(sum, sum);
#else
  sum += shuffled<2, 3, 0, 1>(sum, sum);
#endif
  return sum[0] + sum[1];
}

// Sums of the first `count` of 16 vectors, in their order; the last one's always.
inline Vector totals(Vector (&v)[lanes], int count)
{
#if defined(__AVX512F__)
  // a transposition by halves, added up on the way
  for (int i = count; i < lanes - 1; ++i) v[i] = zero();
  Part p[lanes];
  for (int i = 0; i < lanes; ++i) p[i] = v[i].part[0];
  for (int i = 0; i < 8; ++i) {
    const Part a = p[i], b = p[i + 8];
    p[i] = shuffled<0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23>(a, b) +
        shuffled<8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31>(a, b);
  }
  for (int i = 0; i < 4; ++i) {
    const Part a = p[i], b = p[i + 4];
    p[i] = shuffled<0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27>(a, b) +
        shuffled<4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31>(a, b);
  }
  for (int i = 0; i < 2; ++i) {
    const Part a = p[i], b = p[i + 2];
    p[i] = shuffled<0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29>(a, b) +
        shuffled<2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31>(a, b);
  }
  Vector sums;
  sums.part[0] = shuffled<0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30>(p[0], p[1]) +
      shuffled<1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31>(p[0], p[1]);
  return sums;
#else
  alignas(64) float sums[lanes] = {};
  for (int i = 0; i < count; ++i) sums[i] = total(v[i]);
  sums[lanes - 1] = total(v[lanes - 1]);
  return load(sums);
#endif
}

// exp to float32's precision: 2^k times a polynomial of the rest (Cephes' coefficients)
inline Part exponential(Part x)
{
  const Part top = Part{} + 88.0f, bottom = Part{} - 87.0f;
  x = x > top ? top : x;
  x = x < bottom ? bottom : x;
  // the addition rounds to an integer, which then stands in the lowest bits
  const Part magic = Part{} + 12582912.0f, shifted = x * 1.44269504f + magic;
  const Part whole = shifted - magic;
  PartIntegers bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits + 127) << 23;
  Part power;
  std::memcpy(&power, &bits, sizeof(power));
  const Part f = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  Part p = 1.9875691500e-4f * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  return (p * f * f + f + 1.0f) * power;
}

inline Part reciprocal(Part x)
{
#ifdef __AVX512F__
  const Part guess = (Part) _mm512_rcp14_ps((__m512) x);
  return guess * (2.0f - x * guess);
#else
  return 1.0f / x;
#endif
}

inline Vector sigmoid(Vector v)
{
  for (auto &part : v.part) part = reciprocal(1.0f + exponential(-part));
  return v;
}

}    // namespace rm_lammps

#endif

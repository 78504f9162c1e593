// SPDX-License-Identifier: GPL-2.0-or-later
// Part of rm_lammps, a plugin for LAMMPS (https://www.lammps.org).

#ifndef RM_LAMMPS_VECTOR_H
#define RM_LAMMPS_VECTOR_H

// Vectors of 16 floats in the language extension of GCC and Clang: the compiler maps them to what
// the CPU has, one AVX-512 register, two of AVX2, four of NEON or SSE.

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <cstring>

namespace rm_lammps {

constexpr int lanes = 16;
typedef float Vector __attribute__((vector_size(64)));
typedef int Integers __attribute__((vector_size(64)));
typedef float VectorInMemory __attribute__((vector_size(64), may_alias));

// from and to addresses that are multiples of 64 bytes
inline Vector load(const float *from)
{
  return *reinterpret_cast<const VectorInMemory *>(from);
}

inline void store(float *to, Vector value)
{
  *reinterpret_cast<VectorInMemory *>(to) = value;
}

inline Vector zero()
{
  return Vector{};
}

template <int... order> inline Vector shuffled(Vector a, Vector b)
{
#if defined(__clang__)
  return __builtin_shufflevector(a, b, order...);
#else
  return __builtin_shuffle(a, b, Integers{order...});
#endif
}

// Sum of each of 16 vectors, in their order: a transposition by halves, added up on the way.
inline Vector totals(Vector (&v)[lanes])
{
  for (int i = 0; i < 8; ++i) {
    const Vector a = v[i], b = v[i + 8];
    v[i] = shuffled<0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23>(a, b) +
        shuffled<8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31>(a, b);
  }
  for (int i = 0; i < 4; ++i) {
    const Vector a = v[i], b = v[i + 4];
    v[i] = shuffled<0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27>(a, b) +
        shuffled<4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31>(a, b);
  }
  for (int i = 0; i < 2; ++i) {
    const Vector a = v[i], b = v[i + 2];
    v[i] = shuffled<0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29>(a, b) +
        shuffled<2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31>(a, b);
  }
  return shuffled<0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30>(v[0], v[1]) +
      shuffled<1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31>(v[0], v[1]);
}

inline float total(Vector v)
{
  v += shuffled<8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7>(v, v);
  v += shuffled<4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11>(v, v);
  v += shuffled<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(v, v);
  return v[0] + v[1];
}

// exp to float32's precision: 2^k times a polynomial of the rest (Cephes' coefficients)
inline Vector exponential(Vector x)
{
  const Vector top = zero() + 88.0f, bottom = zero() - 87.0f;
  x = x > top ? top : x;
  x = x < bottom ? bottom : x;
  // the addition rounds to an integer, which then stands in the lowest bits
  const Vector magic = zero() + 12582912.0f, shifted = x * 1.44269504f + magic;
  const Vector whole = shifted - magic;
  Integers bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits + 127) << 23;
  Vector power;
  std::memcpy(&power, &bits, sizeof(power));
  const Vector f = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  Vector p = 1.9875691500e-4f * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  return (p * f * f + f + 1.0f) * power;
}

inline Vector reciprocal(Vector x)
{
#ifdef __AVX512F__
  const Vector guess = (Vector) _mm512_rcp14_ps((__m512) x);
  return guess * (2.0f - x * guess);
#else
  return 1.0f / x;
#endif
}

inline Vector sigmoid(Vector x)
{
  return reciprocal(1.0f + exponential(-x));
}

}    // namespace rm_lammps

#endif

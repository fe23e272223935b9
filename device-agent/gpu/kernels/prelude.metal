// What every kernel file begins with: number formats and small pieces of arithmetic. The text is written in the
// part of Metal Shading Language that is also C++, so that it can be run on a processor and compiled for CUDA.
#include <metal_stdlib>
#include <metal_simdgroup>
#include <metal_simdgroup_matrix>
using namespace metal;

// What a product does with its result.
enum { STORE = 0, ADD = 1, SWIGLU = 2, BIAS = 3, BIAS_GELU = 4, BIAS_GELU_ERF = 5, BIAS_ADD = 6 };

// A logit below every other; a true infinity is not safe under fast mathematics.
#define LOWEST -3.0e38f

// Where a matrix is loaded from, when that is where the pointer points.
static inline ulong2 no_offset() {
  ulong2 origin;
  origin[0] = 0;
  origin[1] = 0;
  return origin;
}

static inline float sigmoid(float x) {
  return 1.0f / (1.0f + exp(-x));
}

static inline float silu(float x) {
  return x / (1.0f + exp(-x));
}

static inline float softplus(float x) {
  return max(x, 0.0f) + log(1.0f + exp(-fabs(x)));
}

static inline float gelu_tanh(float x) {
  const float inner = 0.7978845608028654f * (x + 0.044715f * x * x * x);
  // tanh by the exponential, which is accurate on every back end; large arguments end at one.
  const float e = exp(-2.0f * fabs(inner));
  const float t = (1.0f - e) / (1.0f + e);
  return 0.5f * x * (1.0f + (inner < 0.0f ? -t : t));
}

// The error function to single precision: a series near zero, a fitted exponential elsewhere (Numerical
// Recipes' erfc, whose relative error is below 1.2e-7).
static inline float erf_of(float x) {
  const float a = fabs(x);
  if (a < 0.5f) {
    const float s = x * x;
    return 1.1283791671f * x *
        (1.0f - s * (0.33333333333f - s * (0.1f - s * (0.02380952381f - s * (0.00462962963f - s * 0.000757575757f)))));
  }
  const float t = 1.0f / (1.0f + 0.5f * a);
  const float fit = -1.26551223f + t * (1.00002368f + t * (0.37409196f + t * (0.09678418f + t * (-0.18628806f +
      t * (0.27886807f + t * (-1.13520398f + t * (1.48851587f + t * (-0.82215223f + t * 0.17087277f))))))));
  const float rest = t * exp(-a * a + fit);
  return x < 0.0f ? rest - 1.0f : 1.0f - rest;
}

static inline float gelu_erf(float x) {
  return 0.5f * x * (1.0f + erf_of(x * 0.70710678118654752f));
}

// Sixteen neighbouring values.
template <typename T>
static inline void load16(device const T* from, thread float* to) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const vec<T, 4> four = *(device const vec<T, 4>*)(from + 4 * i);
#pragma unroll
    for (int j = 0; j < 4; j++) to[4 * i + j] = float(four[j]);
  }
}

// N neighbouring floats; four at a time where N allows it.
template <int N>
static inline void load_floats(device const float* from, thread float* to) {
  if (N % 4 == 0) {
#pragma unroll
    for (int i = 0; i < N / 4; i++) {
      const float4 four = *(device const float4*)(from + 4 * i);
#pragma unroll
      for (int j = 0; j < 4; j++) to[4 * i + j] = four[j];
    }
  } else {
#pragma unroll
    for (int i = 0; i < N; i++) to[i] = from[i];
  }
}

// Weights are handed out in packs of sixteen neighbours of a row. A format says what a pack gives against
// sixteen inputs whose sum is `total`, and what its values are.

// Plain floats.
template <typename W>
struct Dense {
  typedef W Side;
  static inline void values(device const uchar* codes, device const W*, device const W*, uint row, uint cols,
                            uint pack, thread float* to) {
    load16((device const W*)codes + ulong(row) * cols + pack * 16, to);
  }
  static inline float dot(device const uchar* codes, device const W* scales, device const W* biases, uint row,
                          uint cols, uint pack, thread const float* x, float) {
    float w[16];
    values(codes, scales, biases, row, cols, pack, w);
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 16; i++) sum += w[i] * x[i];
    return sum;
  }
};

// Affine codes: `scale * code + bias` per group along a row, the codes one stream of bits. Sixteen codes are as
// many half-words as a code has bits, and a group holds whole packs.
template <int BITS, int GROUP, typename S>
struct Affine {
  typedef S Side;
  static inline void unpack(device const uchar* codes, uint row, uint cols, uint pack, thread float* to) {
    device const uchar* at = codes + ulong(row) * (cols / 8 * BITS) + pack * (2 * BITS);
    uint w[6] = {0, 0, 0, 0, 0, 0};
    if (BITS == 4) {
      const uint2 two = *(device const uint2*)at;
      w[0] = two[0];
      w[1] = two[1];
    } else if (BITS == 8) {
      const uint4 four = *(device const uint4*)at;
#pragma unroll
      for (int i = 0; i < 4; i++) w[i] = four[i];
    } else if (BITS % 2 == 0) {
#pragma unroll
      for (int i = 0; i < BITS / 2; i++) w[i] = ((device const uint*)at)[i];
    } else {
#pragma unroll
      for (int i = 0; i < BITS; i++) w[i / 2] |= uint(((device const ushort*)at)[i]) << (i % 2 * 16);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) {
      const int bit = i * BITS;
      uint code = w[bit / 32] >> (bit % 32);
      if (bit % 32 + BITS > 32) code |= w[bit / 32 + 1] << ((32 - bit % 32) & 31);
      to[i] = float(code & ((1u << BITS) - 1u));
    }
  }
  static inline void values(device const uchar* codes, device const S* scales, device const S* biases, uint row,
                            uint cols, uint pack, thread float* to) {
    unpack(codes, row, cols, pack, to);
    const uint group = row * (cols / GROUP) + pack * 16 / GROUP;
    const float scale = float(scales[group]);
    const float bias = float(biases[group]);
#pragma unroll
    for (int i = 0; i < 16; i++) to[i] = scale * to[i] + bias;
  }
  static inline float dot(device const uchar* codes, device const S* scales, device const S* biases, uint row,
                          uint cols, uint pack, thread const float* x, float total) {
    float code[16];
    unpack(codes, row, cols, pack, code);
    const uint group = row * (cols / GROUP) + pack * 16 / GROUP;
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 16; i++) sum += code[i] * x[i];
    return float(scales[group]) * sum + float(biases[group]) * total;
  }
};

// Matrix times many vectors: reading a prompt, and the vision tower. A threadgroup of four simdgroups makes
// 32 tokens by 64 rows, in steps of 32 inputs that are unpacked into its memory once for all of them.
template <typename F, typename T, typename O, int END>
[[kernel]] void matmul(
    device const uchar* codes [[buffer(0)]],
    device const typename F::Side* scales [[buffer(1)]],
    device const typename F::Side* biases [[buffer(2)]],
    device const T* x [[buffer(3)]],
    device const float* bias [[buffer(4)]],
    device O* y [[buffer(5)]],
    constant uint& tokens [[buffer(6)]],
    constant uint& rows [[buffer(7)]],
    constant uint& cols [[buffer(8)]],
    constant uint& stride [[buffer(9)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  // A little wider than 32, so that neighbouring rows lie in different banks.
  constexpr int WIDTH = 36;
  threadgroup T inputs[32 * WIDTH];
  threadgroup T weights[64 * WIDTH];
  threadgroup float staged[4 * 128];
  // Of the 64 rows a simdgroup makes 32. Where rows come in gated pairs, 16 of them are gates and 16 their partners.
  const uint first = group.x * (END == SWIGLU ? 32 : 64);
  const uint first_token = group.y * 32;
  uint row = first + tid / 2;
  if (END == SWIGLU) row = first + tid / 64 * 16 + tid / 2 % 16;
  row = min(row, rows - 1);
  if (END == SWIGLU && tid / 2 % 32 >= 16) row += rows;
  const uint token = first_token + tid / 4;

  simdgroup_matrix<float, 8, 8> sums[2][4];
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  }
  for (uint k = 0; k < cols; k += 32) {
    const uint column = k + tid % 4 * 8;
    for (uint i = 0; i < 8; i++) {
      const bool inside = token < tokens && column + i < cols;
      inputs[tid / 4 * WIDTH + tid % 4 * 8 + i] = inside ? x[ulong(token) * cols + column + i] : T(0.0f);
    }
    const uint pack = k / 16 + tid % 2;
    float w[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    if (pack < cols / 16) F::values(codes, scales, biases, row, cols, pack, w);
    for (uint i = 0; i < 16; i++) weights[tid / 2 * WIDTH + tid % 2 * 16 + i] = T(w[i]);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint step = 0; step < 4; step++) {
      simdgroup_matrix<T, 8, 8> a[2];
      simdgroup_matrix<T, 8, 8> b;
#pragma unroll
      for (uint i = 0; i < 2; i++) {
        simdgroup_load(a[i], inputs + (sg / 2 * 16 + i * 8) * WIDTH + step * 8, WIDTH);
      }
#pragma unroll
      for (uint j = 0; j < 4; j++) {
        simdgroup_load(b, weights + (sg % 2 * 32 + j * 8) * WIDTH + step * 8, WIDTH, no_offset(), true);
#pragma unroll
        for (uint i = 0; i < 2; i++) simdgroup_multiply_accumulate(sums[i][j], a[i], b, sums[i][j]);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }

  threadgroup float* mine = staged + sg * 128;
#pragma unroll
  for (uint i = 0; i < 2; i++) {
#pragma unroll
    for (uint j = 0; j < (END == SWIGLU ? 2 : 4); j++) {
      simdgroup_store(sums[i][j], mine, 8);
      if (END == SWIGLU) simdgroup_store(sums[i][j + 2], mine + 64, 8);
      simdgroup_barrier(mem_flags::mem_threadgroup);
      for (uint e = lane; e < 64; e += 32) {
        const uint at = first_token + sg / 2 * 16 + i * 8 + e / 8;
        const uint out = first + sg % 2 * (END == SWIGLU ? 16 : 32) + j * 8 + e % 8;
        if (at < tokens && out < rows) {
          device O* to = y + ulong(at) * stride + out;
          float value = mine[e];
          if (END >= BIAS) value += bias[out];
          if (END == SWIGLU) value = silu(value) * mine[64 + e];
          if (END == BIAS_GELU) value = gelu_tanh(value);
          if (END == BIAS_GELU_ERF) value = gelu_erf(value);
          if (END == ADD || END == BIAS_ADD) value += float(*to);
          *to = O(value);
        }
      }
      simdgroup_barrier(mem_flags::mem_threadgroup);
    }
  }
}

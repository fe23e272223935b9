// Matrix times one vector: the whole of decoding. A simdgroup takes four rows at once, so that inputs are read
// once for four; nothing is shared between simdgroups and so nothing waits. A norm before the product costs no
// pass of its own: the scale of each input is applied on the way, the length of the vector at the end.
template <typename F, typename T, typename O, int END, int NORM>
[[kernel]] void matvec(
    device const uchar* codes [[buffer(0)]],
    device const typename F::Side* scales [[buffer(1)]],
    device const typename F::Side* biases [[buffer(2)]],
    device const T* x [[buffer(3)]],
    device const float* norm [[buffer(4)]],
    device O* y [[buffer(5)]],
    constant uint& rows [[buffer(6)]],
    constant uint& cols [[buffer(7)]],
    constant uint& stride [[buffer(8)]],
    constant float& eps [[buffer(9)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  // A gated pair of rows gives one output.
  const uint outputs = END == SWIGLU ? 2 : 4;
  const uint first = (group.x * nsg + sg) * outputs;
  if (first >= rows) return;
  uint row[4];
#pragma unroll
  for (uint r = 0; r < 4; r++) {
    row[r] = min(first + r % outputs, rows - 1);
    if (END == SWIGLU && r >= 2) row[r] += rows;
  }
  float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  float squares = 0.0f;
  device const T* input = x + ulong(group.y) * cols;
  for (uint pack = lane; pack < cols / 16; pack += 32) {
    float v[16];
    load16(input + pack * 16, v);
    if (NORM) {
      float scale[16];
      load16(norm + pack * 16, scale);
#pragma unroll
      for (int i = 0; i < 16; i++) {
        squares += v[i] * v[i];
        v[i] *= scale[i];
      }
    }
    float total = 0.0f;
#pragma unroll
    for (int i = 0; i < 16; i++) total += v[i];
#pragma unroll
    for (int r = 0; r < 4; r++) sum[r] += F::dot(codes, scales, biases, row[r], cols, pack, v, total);
  }
  const float length = NORM ? rsqrt(simd_sum(squares) / float(cols) + eps) : 1.0f;
#pragma unroll
  for (int r = 0; r < 4; r++) sum[r] = simd_sum(sum[r]) * length;
  if (lane != 0) return;
  device O* out = y + ulong(group.y) * stride;
#pragma unroll
  for (uint r = 0; r < outputs; r++) {
    if (first + r >= rows) return;
    float value = sum[r];
    if (END == SWIGLU) value = silu(sum[r]) * sum[r + 2];
    if (END == ADD) value += float(out[first + r]);
    out[first + r] = O(value);
  }
}

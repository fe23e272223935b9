// Many queries against many keys, for prompts and for the vision tower: a simdgroup takes eight queries and walks
// over the keys in blocks of 32. Keys and values are read where they lie; whoever owns them keeps whole blocks
// allocated and finite, and what lies past the end weighs nothing.
//
// CAUSAL: query `t` sees the keys up to `before + t`, and the result is multiplied by the sigmoid of the query's
// gate, which lies behind its query in the joint projection. Otherwise every query sees all keys.
template <typename T, int D, int CAUSAL>
[[kernel]] void attend_many(
    device const T* queries [[buffer(0)]],
    device const T* keys [[buffer(1)]],
    device const T* values [[buffer(2)]],
    device const T* rows [[buffer(3)]],
    device T* y [[buffer(4)]],
    constant uint& tokens [[buffer(5)]],
    constant uint& before [[buffer(6)]],
    constant uint& length [[buffer(7)]],
    constant uint& query_stride [[buffer(8)]],
    constant uint& key_stride [[buffer(9)]],
    constant uint& head_stride [[buffer(10)]],
    constant uint& row_stride [[buffer(11)]],
    constant uint& heads_per_key [[buffer(12)]],
    constant float& scale [[buffer(13)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 groups [[threadgroups_per_grid]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float all_scores[4 * 256];
  threadgroup T all_weights[4 * 256];
  threadgroup float all_fades[4 * 64];
  threadgroup float* scores = all_scores + sg * 256;
  threadgroup T* weights = all_weights + sg * 256;
  threadgroup float* fades = all_fades + sg * 64;
  const uint head = group.y;
  const uint heads = groups.y;
  const uint first = (group.x * nsg + sg) * 8;
  if (first >= tokens) return;
  device const T* query = queries + ulong(first) * query_stride + head * D;
  device const T* key = keys + ulong(head / heads_per_key) * head_stride;
  device const T* value = values + ulong(head / heads_per_key) * head_stride;
  const uint seen = CAUSAL ? min(before + first + 8, length) : length;

  simdgroup_matrix<float, 8, 8> sums[D / 8];
#pragma unroll
  for (int d = 0; d < D / 8; d++) sums[d] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  // Four lanes share a query, eight keys of the block each.
  const uint row = lane / 4;
  const uint limit = CAUSAL ? min(before + first + row + 1, length) : length;
  float top = LOWEST;
  float total = 0.0f;
  simdgroup_matrix<float, 8, 8> fade;
  for (uint base = 0; base < seen; base += 32) {
    simdgroup_matrix<float, 8, 8> block[4];
#pragma unroll
    for (int j = 0; j < 4; j++) block[j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    for (uint d = 0; d < D; d += 8) {
      simdgroup_matrix<T, 8, 8> q;
      simdgroup_matrix<T, 8, 8> k;
      simdgroup_load(q, query + d, query_stride);
#pragma unroll
      for (uint j = 0; j < 4; j++) {
        simdgroup_load(k, key + ulong(base + j * 8) * key_stride + d, key_stride, no_offset(), true);
        simdgroup_multiply_accumulate(block[j], q, k, block[j]);
      }
    }
#pragma unroll
    for (uint j = 0; j < 4; j++) simdgroup_store(block[j], scores + j * 8, 32);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    float mine[8];
    float higher = top;
    for (uint i = 0; i < 8; i++) {
      const uint at = lane % 4 * 8 + i;
      mine[i] = base + at < limit ? scores[row * 32 + at] * scale : LOWEST;
      higher = max(higher, mine[i]);
    }
    higher = max(higher, simd_shuffle_xor(higher, 1));
    higher = max(higher, simd_shuffle_xor(higher, 2));
    float sum = 0.0f;
    for (uint i = 0; i < 8; i++) {
      const float weight = exp(mine[i] - higher);
      weights[row * 32 + lane % 4 * 8 + i] = T(weight);
      sum += weight;
    }
    sum += simd_shuffle_xor(sum, 1);
    sum += simd_shuffle_xor(sum, 2);
    const float faded = exp(top - higher);
    total = total * faded + sum;
    top = higher;
    for (uint i = 0; i < 2; i++) {
      const uint at = lane % 4 * 2 + i;
      fades[row * 8 + at] = at == row ? faded : 0.0f;
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_load(fade, fades, 8);
#pragma unroll
    for (uint d = 0; d < D; d += 8) simdgroup_multiply(sums[d / 8], fade, sums[d / 8]);
#pragma unroll
    for (uint j = 0; j < 4; j++) {
      simdgroup_matrix<T, 8, 8> w;
      simdgroup_matrix<T, 8, 8> v;
      simdgroup_load(w, weights + j * 8, 32);
#pragma unroll
      for (uint d = 0; d < D; d += 8) {
        simdgroup_load(v, value + ulong(base + j * 8) * key_stride + d, key_stride);
        simdgroup_multiply_accumulate(sums[d / 8], w, v, sums[d / 8]);
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
  for (uint i = 0; i < 2; i++) {
    const uint at = lane % 4 * 2 + i;
    fades[row * 8 + at] = at == row ? 1.0f / total : 0.0f;
  }
  simdgroup_barrier(mem_flags::mem_threadgroup);
  simdgroup_load(fade, fades, 8);
#pragma unroll
  for (uint d = 0; d < D; d += 8) {
    simdgroup_multiply(sums[d / 8], fade, sums[d / 8]);
    simdgroup_store(sums[d / 8], scores, 8);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    for (uint e = lane; e < 64; e += 32) {
      const uint token = first + e / 8;
      const uint dim = d + e % 8;
      if (token < tokens) {
        float out = scores[e];
        if (CAUSAL) out *= sigmoid(float(rows[ulong(token) * row_stride + (2 * head + 1) * D + dim]));
        y[(ulong(token) * heads + head) * D + dim] = T(out);
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Attention over a cache `[kv head][capacity][dim]`. Queries, output gates, keys and values come as one row per
// token from the joint projection: for each query head its query and then its gate, then the keys, then the values.

// Norms queries and keys, turns them, and appends keys and values to the cache. One simdgroup per token and head:
// the query heads first, then the key heads, then the value heads.
template <typename T, int D>
[[kernel]] void norm_turn_append(
    device const T* rows [[buffer(0)]],
    device const float* q_norm [[buffer(1)]],
    device const float* k_norm [[buffer(2)]],
    device const float* turns [[buffer(3)]],
    device T* queries [[buffer(4)]],
    device T* keys [[buffer(5)]],
    device T* values [[buffer(6)]],
    constant uint& heads [[buffer(7)]],
    constant uint& kv_heads [[buffer(8)]],
    constant uint& capacity [[buffer(9)]],
    constant uint& first [[buffer(10)]],
    constant uint& turned [[buffer(11)]],
    constant float& eps [[buffer(12)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float normed[D];
  const uint head = group.x;
  const uint token = group.y;
  device const T* row = rows + ulong(token) * (2 * heads + 2 * kv_heads) * D;
  const ulong place = first + token;
  if (head >= heads + kv_heads) {
    const uint kv = head - heads - kv_heads;
    device const T* from = row + (2 * heads + kv_heads + kv) * D;
    device T* to = values + (ulong(kv) * capacity + place) * D;
    for (uint i = lane; i < D; i += 32) to[i] = from[i];
    return;
  }
  const bool is_query = head < heads;
  device const T* from = row + (is_query ? 2 * head * D : (2 * heads + head - heads) * D);
  device const float* scale = is_query ? q_norm : k_norm;
  float squares = 0.0f;
  for (uint i = lane; i < D; i += 32) squares += float(from[i]) * float(from[i]);
  const float length = rsqrt(simd_sum(squares) / float(D) + eps);
  for (uint i = lane; i < D; i += 32) normed[i] = float(from[i]) * length * scale[i];
  simdgroup_barrier(mem_flags::mem_threadgroup);
  // Cosines of all frequencies, then their sines; dimension `i` turns with `i + turned`.
  device const float* turn = turns + place * 2 * turned;
  for (uint i = lane; i < D; i += 32) {
    float value = normed[i];
    if (i < turned) {
      value = normed[i] * turn[i] - normed[i + turned] * turn[turned + i];
    } else if (i < 2 * turned) {
      value = normed[i] * turn[i - turned] + normed[i - turned] * turn[i];
    }
    if (is_query) {
      queries[(ulong(token) * heads + head) * D + i] = T(value);
    } else {
      keys[(ulong(head - heads) * capacity + place) * D + i] = T(value);
    }
  }
}

// One token's queries against a share of the cache: one threadgroup per key head and share, its simdgroups taking
// turns at the keys, all query heads of the key head together so that the cache is read once. Leaves for each
// share and query head the largest score, the sum of weights and the weighted sum of values.
template <typename T, int D, int HEADS>
[[kernel]] void attend_shares(
    device const T* queries [[buffer(0)]],
    device const T* keys [[buffer(1)]],
    device const T* values [[buffer(2)]],
    device float* sums [[buffer(3)]],
    device float* weights [[buffer(4)]],
    constant uint& capacity [[buffer(5)]],
    constant uint& length [[buffer(6)]],
    constant uint& share [[buffer(7)]],
    constant float& scale [[buffer(8)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 groups [[threadgroups_per_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float parts[8 * D];
  threadgroup float tops[8];
  threadgroup float totals[8];
  constexpr int N = D / 32;
  const uint kv = group.x;
  float q[HEADS][N];
  float acc[HEADS][N];
  float top[HEADS];
  float total[HEADS];
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
    top[h] = LOWEST;
    total[h] = 0.0f;
#pragma unroll
    for (int i = 0; i < N; i++) {
      q[h][i] = float(queries[(kv * HEADS + h) * D + lane * N + i]) * scale;
      acc[h][i] = 0.0f;
    }
  }
  const uint begin = group.y * share;
  const uint end = min(begin + share, length);
  for (uint at = begin + sg; at < end; at += nsg) {
    device const T* key = keys + (ulong(kv) * capacity + at) * D + lane * N;
    device const T* value = values + (ulong(kv) * capacity + at) * D + lane * N;
    float k[N];
    float v[N];
#pragma unroll
    for (int i = 0; i < N; i++) {
      k[i] = float(key[i]);
      v[i] = float(value[i]);
    }
#pragma unroll
    for (int h = 0; h < HEADS; h++) {
      float score = 0.0f;
#pragma unroll
      for (int i = 0; i < N; i++) score += q[h][i] * k[i];
      score = simd_sum(score);
      const float higher = max(top[h], score);
      const float fade = exp(top[h] - higher);
      const float weight = exp(score - higher);
      top[h] = higher;
      total[h] = total[h] * fade + weight;
#pragma unroll
      for (int i = 0; i < N; i++) acc[h][i] = acc[h][i] * fade + weight * v[i];
    }
  }
  const uint heads = groups.x * HEADS;
  // Heads one after another, so that the sums of eight simdgroups fit into the threadgroup's memory.
#pragma unroll
  for (int h = 0; h < HEADS; h++) {
#pragma unroll
    for (int i = 0; i < N; i++) parts[sg * D + lane * N + i] = acc[h][i];
    if (lane == 0) {
      tops[sg] = top[h];
      totals[sg] = total[h];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    float highest = LOWEST;
    for (uint i = 0; i < nsg; i++) highest = max(highest, tops[i]);
    const ulong slot = ulong(group.y) * heads + kv * HEADS + h;
    for (uint d = tid; d < D; d += size.x) {
      float sum = 0.0f;
      for (uint i = 0; i < nsg; i++) sum += parts[i * D + d] * exp(tops[i] - highest);
      sums[slot * D + d] = sum;
    }
    if (tid == 0) {
      float all = 0.0f;
      for (uint i = 0; i < nsg; i++) all += totals[i] * exp(tops[i] - highest);
      weights[slot * 2] = highest;
      weights[slot * 2 + 1] = all;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}

// Joins the shares of one query head and applies its output gate. One threadgroup per query head.
template <typename T, int D>
[[kernel]] void attend_join(
    device const float* sums [[buffer(0)]],
    device const float* weights [[buffer(1)]],
    device const T* row [[buffer(2)]],
    device T* y [[buffer(3)]],
    constant uint& shares [[buffer(4)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 groups [[threadgroups_per_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]]) {
  const uint head = group.x;
  const uint heads = groups.x;
  float highest = LOWEST;
  for (uint s = 0; s < shares; s++) highest = max(highest, weights[(ulong(s) * heads + head) * 2]);
  float all = 0.0f;
  for (uint s = 0; s < shares; s++) {
    const ulong slot = ulong(s) * heads + head;
    all += weights[slot * 2 + 1] * exp(weights[slot * 2] - highest);
  }
  for (uint d = tid; d < D; d += size.x) {
    float sum = 0.0f;
    for (uint s = 0; s < shares; s++) {
      const ulong slot = ulong(s) * heads + head;
      sum += sums[slot * D + d] * exp(weights[slot * 2] - highest);
    }
    const float gate = float(row[(2 * head + 1) * D + d]);
    y[head * D + d] = T(sum / all * sigmoid(gate));
  }
}

// The gated delta rule over many tokens, in three dispatches: the rule's inputs, the rule in blocks, its outputs.
// Blocks are of 16 tokens. With G the sum of log decays from the block's start, a block is
//   P = K S',  R = beta (V - e^G P),  (I + A) D = R,  O = e^G Q S' + W D,  S = e^G_end S + (e^(G_end - G) D)' K
// where A and W are the products of keys, and of queries, with keys, each times e^(G_i - G_j), A also times beta.
// Every exponent is formed as a difference first, so none is above zero.

static inline uint delta_channels(uint key_heads, uint value_heads, uint key_dim, uint value_dim) {
  return 2 * key_heads * key_dim + value_heads * value_dim;
}

// Convolution, its activation, and unit length for queries and keys (queries also over the root of their width).
// One simdgroup per token and head: query heads, key heads, value heads. Reads the ring of inputs before the
// first token and leaves it as it is.
template <typename T, int DK, int DV>
[[kernel]] void delta_inputs(
    device const T* rows [[buffer(0)]],
    device const float* taps [[buffer(1)]],
    device const float* ring [[buffer(2)]],
    device float* mixed [[buffer(3)]],
    constant uint& key_heads [[buffer(4)]],
    constant uint& value_heads [[buffer(5)]],
    constant uint& first [[buffer(6)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]]) {
  const uint channels = delta_channels(key_heads, value_heads, DK, DV);
  const uint stride = channels + value_heads * DV + 2 * value_heads;
  const uint head = group.x;
  const uint token = group.y;
  const bool is_value = head >= 2 * key_heads;
  const uint begin = is_value ? 2 * key_heads * DK + (head - 2 * key_heads) * DV : head * DK;
  const uint width = is_value ? DV : DK;
  constexpr uint MOST = (DK > DV ? DK : DV) / 32;
  float value[MOST];
  float squares = 0.0f;
#pragma unroll
  for (uint n = 0; n < MOST; n++) {
    const uint i = lane + n * 32;
    value[n] = 0.0f;
    if (i < width) {
      const uint channel = begin + i;
      float sum = 0.0f;
      for (uint t = 0; t < 4; t++) {
        const float input = token + t >= 3 ? float(rows[ulong(token + t - 3) * stride + channel])
                                           : ring[((first + token + t + 1) & 3) * channels + channel];
        sum += taps[t * channels + channel] * input;
      }
      value[n] = silu(sum);
    }
    squares += value[n] * value[n];
  }
  float scale = 1.0f;
  if (!is_value) scale = rsqrt(simd_sum(squares) + 1e-6f);
  if (head < key_heads) scale *= rsqrt(float(DK));
#pragma unroll
  for (uint n = 0; n < MOST; n++) {
    const uint i = lane + n * 32;
    if (i < width) mixed[ulong(token) * channels + begin + i] = value[n] * scale;
  }
}

// The rule. One threadgroup of four simdgroups per value head and 32 of its state's rows; simdgroup `sg` makes
// eight of their columns. Also leaves the convolution's last inputs in the ring.
template <typename T, int DK, int DV>
[[kernel]] void delta_rule(
    device const T* rows [[buffer(0)]],
    device const float* mixed [[buffer(1)]],
    device float* ring [[buffer(2)]],
    device const float* rate [[buffer(3)]],
    device const float* dt_bias [[buffer(4)]],
    device float* state [[buffer(5)]],
    device float* out [[buffer(6)]],
    constant uint& key_heads [[buffer(7)]],
    constant uint& value_heads [[buffer(8)]],
    constant uint& share [[buffer(9)]],
    constant uint& first [[buffer(10)]],
    constant uint& tokens [[buffer(11)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]]) {
  constexpr uint L = 16;
  constexpr uint DT = 32;
  threadgroup float cells[DT * DK];
  threadgroup float kk[L * L];
  threadgroup float qk[L * L];
  threadgroup float delta[L * DT];
  threadgroup float kept[L * DT];
  threadgroup float read[L * DT];
  threadgroup float decays[L];
  threadgroup float reach[L];
  threadgroup float strength[L];
  const uint head = group.x;
  const uint key_head = head / share % key_heads;
  const uint channels = delta_channels(key_heads, value_heads, DK, DV);
  const uint stride = channels + value_heads * DV + 2 * value_heads;
  const uint value_at = 2 * key_heads * DK + head * DV + group.y * DT;
  device float* home = state + (ulong(head) * DV + group.y * DT) * DK;
  for (uint i = tid; i < DT * DK; i += size.x) cells[i] = home[i];

  for (uint base = 0; base < tokens; base += L) {
    const uint count = min(tokens - base, L);
    device const float* query = mixed + ulong(base) * channels + key_head * DK;
    device const float* key = query + key_heads * DK;
    if (tid < L) {
      // What lies past the last token neither decays nor writes.
      decays[tid] = 0.0f;
      strength[tid] = 0.0f;
      if (tid < count) {
        device const T* row = rows + ulong(base + tid) * stride;
        strength[tid] = sigmoid(float(row[channels + value_heads * DV + head]));
        const float dt = float(row[channels + value_heads * DV + value_heads + head]);
        decays[tid] = rate[head] * softplus(dt + dt_bias[head]);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (tid < L) {
      float sum = 0.0f;
      for (uint i = 0; i <= tid; i++) sum += decays[i];
      reach[tid] = sum;
    }

    // Products with the state as it was, of this simdgroup's eight columns; and its share of the products of
    // queries and keys with keys: one row of tiles of one of them.
    simdgroup_matrix<float, 8, 8> k;
    simdgroup_matrix<float, 8, 8> q;
    simdgroup_matrix<float, 8, 8> other;
    for (uint i = 0; i < 2; i++) {
      simdgroup_matrix<float, 8, 8> from_keys = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
      simdgroup_matrix<float, 8, 8> from_queries = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
      simdgroup_matrix<float, 8, 8> own = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
      for (uint d = 0; d < DK; d += 8) {
        simdgroup_load(k, key + ulong(i * 8) * channels + d, channels);
        simdgroup_load(q, query + ulong(i * 8) * channels + d, channels);
        simdgroup_load(other, cells + sg * 8 * DK + d, DK, no_offset(), true);
        simdgroup_multiply_accumulate(from_keys, k, other, from_keys);
        simdgroup_multiply_accumulate(from_queries, q, other, from_queries);
        // Simdgroups 0 and 1 make the keys' products with the first and second eight keys, 2 and 3 the queries'.
        simdgroup_load(other, key + ulong(sg % 2 * 8) * channels + d, channels, no_offset(), true);
        if (sg < 2) {
          simdgroup_multiply_accumulate(own, k, other, own);
        } else {
          simdgroup_multiply_accumulate(own, q, other, own);
        }
      }
      simdgroup_store(from_keys, delta + i * 8 * DT + sg * 8, DT);
      simdgroup_store(from_queries, read + i * 8 * DT + sg * 8, DT);
      if (sg < 2) {
        simdgroup_store(own, kk + i * 8 * L + sg % 2 * 8, L);
      } else {
        simdgroup_store(own, qk + i * 8 * L + sg % 2 * 8, L);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    for (uint e = tid; e < L * L; e += size.x) {
      const uint i = e / L;
      const uint j = e % L;
      const float between = i >= j ? exp(reach[i] - reach[j]) : 0.0f;
      kk[e] = i > j ? kk[e] * strength[i] * between : 0.0f;
      qk[e] *= between;
    }
    for (uint e = tid; e < L * DT; e += size.x) {
      const uint i = e / DT;
      const float from_start = exp(reach[i]);
      const float v = i < count ? mixed[ulong(base + i) * channels + value_at + e % DT] : 0.0f;
      delta[e] = strength[i] * (v - from_start * delta[e]);
      read[e] *= from_start;
    }
    const float whole = exp(reach[L - 1]);
    for (uint e = tid; e < DT * DK; e += size.x) cells[e] *= whole;
    threadgroup_barrier(mem_flags::mem_threadgroup);

    // A column of the triangular system per thread, from the first token down.
    if (tid < DT) {
      for (uint i = 0; i < L; i++) {
        float sum = delta[i * DT + tid];
        for (uint j = 0; j < i; j++) sum -= kk[i * L + j] * delta[j * DT + tid];
        delta[i * DT + tid] = sum;
        kept[i * DT + tid] = sum * exp(reach[L - 1] - reach[i]);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    simdgroup_matrix<float, 8, 8> sum;
    for (uint i = 0; i < 2; i++) {
      simdgroup_load(sum, read + i * 8 * DT + sg * 8, DT);
      for (uint j = 0; j < 2; j++) {
        simdgroup_load(q, qk + i * 8 * L + j * 8, L);
        simdgroup_load(other, delta + j * 8 * DT + sg * 8, DT);
        simdgroup_multiply_accumulate(sum, q, other, sum);
      }
      simdgroup_store(sum, read + i * 8 * DT + sg * 8, DT);
    }
    for (uint d = 0; d < DK; d += 8) {
      simdgroup_load(sum, cells + sg * 8 * DK + d, DK);
      for (uint j = 0; j < 2; j++) {
        simdgroup_load(q, kept + j * 8 * DT + sg * 8, DT, no_offset(), true);
        simdgroup_load(k, key + ulong(j * 8) * channels + d, channels);
        simdgroup_multiply_accumulate(sum, q, k, sum);
      }
      simdgroup_store(sum, cells + sg * 8 * DK + d, DK);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint e = tid; e < L * DT; e += size.x) {
      const uint i = e / DT;
      if (i < count) out[(ulong(base + i) * value_heads + head) * DV + group.y * DT + e % DT] = read[e];
    }
  }

  for (uint i = tid; i < DT * DK; i += size.x) home[i] = cells[i];
  // Of the heads that read one key head, the first keeps its inputs; of a head's threadgroups, the first too.
  const uint keys_kept = head == key_head * share && group.y == 0 ? DK : 0;
  for (uint t = tokens > 4 ? tokens - 4 : 0; t < tokens; t++) {
    device const T* row = rows + ulong(t) * stride;
    device float* to = ring + ((first + t) & 3) * channels;
    for (uint i = tid; i < 2 * keys_kept + DT; i += size.x) {
      uint channel = value_at + i - 2 * keys_kept;
      if (i < 2 * keys_kept) channel = i < DK ? key_head * DK + i : (key_heads + key_head) * DK + i - DK;
      to[channel] = float(row[channel]);
    }
  }
}

// The gated norm of every head's output. One simdgroup per token and value head.
template <typename T, int DK, int DV>
[[kernel]] void delta_outputs(
    device const T* rows [[buffer(0)]],
    device const float* out [[buffer(1)]],
    device const float* norm [[buffer(2)]],
    device T* y [[buffer(3)]],
    constant uint& key_heads [[buffer(4)]],
    constant uint& value_heads [[buffer(5)]],
    constant float& eps [[buffer(6)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]]) {
  const uint channels = delta_channels(key_heads, value_heads, DK, DV);
  const uint stride = channels + value_heads * DV + 2 * value_heads;
  const ulong at = (ulong(group.y) * value_heads + group.x) * DV;
  float squares = 0.0f;
  for (uint i = lane; i < DV; i += 32) squares += out[at + i] * out[at + i];
  const float length = rsqrt(simd_sum(squares) / float(DV) + eps);
  for (uint i = lane; i < DV; i += 32) {
    const float gate = float(rows[ulong(group.y) * stride + channels + group.x * DV + i]);
    y[at + i] = T(out[at + i] * length * norm[i] * silu(gate));
  }
}

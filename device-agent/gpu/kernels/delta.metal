// The gated delta rule. The convolution's last inputs lie in a ring of four rows by token number, so that the
// row that is written in a step is none of the three that are read in it. The state is `[value head][value
// dim][key dim]`: a simdgroup owns rows, and both products of the rule run along a row.

// Where a row of the joint projection keeps its parts: queries, keys and values, then the output gate, then the
// write strengths and the decays of all value heads.
struct DeltaRow {
  uint channels;
  uint gate;
  uint strength;
  uint decay;
  uint stride;
};

static inline DeltaRow delta_row(uint key_heads, uint value_heads, uint key_dim, uint value_dim) {
  DeltaRow at;
  at.channels = 2 * key_heads * key_dim + value_heads * value_dim;
  at.gate = at.channels;
  at.strength = at.gate + value_heads * value_dim;
  at.decay = at.strength + value_heads;
  at.stride = at.decay + value_heads;
  return at;
}

// One token, everything between the joint projection and the output projection. One threadgroup per value head.
// Value head `h` reads key head `h / share % key_heads`; of the heads that read one key head, the first keeps
// its convolution inputs.
template <typename T, int DK, int DV>
[[kernel]] void delta_step(
    device const T* row [[buffer(0)]],
    device const float* taps [[buffer(1)]],
    device float* ring [[buffer(2)]],
    device const float* rate [[buffer(3)]],
    device const float* dt_bias [[buffer(4)]],
    device const float* norm [[buffer(5)]],
    device float* state [[buffer(6)]],
    device T* y [[buffer(7)]],
    constant uint& key_heads [[buffer(8)]],
    constant uint& value_heads [[buffer(9)]],
    constant uint& share [[buffer(10)]],
    constant uint& token [[buffer(11)]],
    constant float& eps [[buffer(12)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float q[DK];
  threadgroup float k[DK];
  threadgroup float v[DV];
  threadgroup float o[DV];
  const uint head = group.x;
  const uint key_head = head / share % key_heads;
  const bool keeps_key = head == key_head * share;
  const DeltaRow at = delta_row(key_heads, value_heads, DK, DV);
  for (uint i = tid; i < 2 * DK + DV; i += size.x) {
    uint channel = key_head * DK + i;
    if (i >= DK) channel = key_heads * DK + key_head * DK + i - DK;
    if (i >= 2 * DK) channel = 2 * key_heads * DK + head * DV + i - 2 * DK;
    const float now = float(row[channel]);
    float sum = taps[3 * at.channels + channel] * now;
    for (uint t = 0; t < 3; t++) {
      sum += taps[t * at.channels + channel] * ring[((token + 1 + t) & 3) * at.channels + channel];
    }
    if (keeps_key || i >= 2 * DK) ring[(token & 3) * at.channels + channel] = now;
    sum = silu(sum);
    if (i < DK) {
      q[i] = sum;
    } else if (i < 2 * DK) {
      k[i - DK] = sum;
    } else {
      v[i - 2 * DK] = sum;
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  constexpr int N = DK / 32;
  float query[N];
  float key[N];
  float qq = 0.0f;
  float kk = 0.0f;
#pragma unroll
  for (int i = 0; i < N; i++) {
    query[i] = q[lane * N + i];
    key[i] = k[lane * N + i];
    qq += query[i] * query[i];
    kk += key[i] * key[i];
  }
  const float q_scale = rsqrt(simd_sum(qq) + 1e-6f) * rsqrt(float(DK));
  const float k_scale = rsqrt(simd_sum(kk) + 1e-6f);
#pragma unroll
  for (int i = 0; i < N; i++) {
    query[i] *= q_scale;
    key[i] *= k_scale;
  }
  const float decay = exp(rate[head] * softplus(float(row[at.decay + head]) + dt_bias[head]));
  const float strength = sigmoid(float(row[at.strength + head]));
  for (uint r = sg; r < DV; r += nsg) {
    device float* cells = state + (ulong(head) * DV + r) * DK + lane * N;
    float s[N];
    load_floats<N>(cells, s);
    float read = 0.0f;
#pragma unroll
    for (int i = 0; i < N; i++) {
      s[i] *= decay;
      read += s[i] * key[i];
    }
    const float delta = strength * (v[r] - simd_sum(read));
    float mixed = 0.0f;
#pragma unroll
    for (int i = 0; i < N; i++) {
      s[i] += key[i] * delta;
      mixed += s[i] * query[i];
      cells[i] = s[i];
    }
    mixed = simd_sum(mixed);
    if (lane == 0) o[r] = mixed;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  float squares = 0.0f;
  for (uint i = lane; i < DV; i += 32) squares += o[i] * o[i];
  const float length = rsqrt(simd_sum(squares) / float(DV) + eps);
  for (uint i = tid; i < DV; i += size.x) {
    const float gate = float(row[at.gate + head * DV + i]);
    y[head * DV + i] = T(o[i] * length * norm[i] * silu(gate));
  }
}

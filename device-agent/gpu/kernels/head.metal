// The two ends of the model: token ids become vectors, logits become token ids. Ids stay on the device; a
// token's embedding is gathered by whatever id the step before has left there.

// Sixteen values of one token's vector per thread.
template <typename F, typename T>
[[kernel]] void embed(
    device const uchar* codes [[buffer(0)]],
    device const typename F::Side* scales [[buffer(1)]],
    device const typename F::Side* biases [[buffer(2)]],
    device const uint* ids [[buffer(3)]],
    device T* y [[buffer(4)]],
    constant uint& vocab [[buffer(5)]],
    constant uint& cols [[buffer(6)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]]) {
  const uint pack = group.x * size.x + tid;
  if (pack >= cols / 16) return;
  const uint id = min(ids[group.y], vocab - 1);
  float v[16];
  F::values(codes, scales, biases, id, cols, pack, v);
  device T* out = y + ulong(group.y) * cols + pack * 16;
  for (int i = 0; i < 16; i++) out[i] = T(v[i]);
}

// The larger of two candidates; of equals the lower id.
static inline void keep_larger(thread float& value, thread uint& id, float other, uint other_id) {
  if (other > value || (other == value && other_id < id)) {
    value = other;
    id = other_id;
  }
}

static inline void largest_of_simdgroup(thread float& value, thread uint& id) {
  for (ushort step = 1; step < 32; step *= 2) {
    const float other = simd_shuffle_xor(value, step);
    const uint other_id = simd_shuffle_xor(id, step);
    keep_larger(value, id, other, other_id);
  }
}

// The largest of each threadgroup's share of the logits.
[[kernel]] void argmax_parts(
    device const float* logits [[buffer(0)]],
    device float* values [[buffer(1)]],
    device uint* ids [[buffer(2)]],
    constant uint& count [[buffer(3)]],
    constant uint& share [[buffer(4)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float best[32];
  threadgroup uint best_id[32];
  const uint begin = group.x * share;
  const uint end = min(begin + share, count);
  float value = LOWEST;
  uint id = begin;
  for (uint i = begin + tid; i < end; i += size.x) keep_larger(value, id, logits[i], i);
  largest_of_simdgroup(value, id);
  if (lane == 0) {
    best[sg] = value;
    best_id[sg] = id;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (tid != 0) return;
  for (uint i = 1; i < nsg; i++) keep_larger(value, id, best[i], best_id[i]);
  values[group.x] = value;
  ids[group.x] = id;
}

// The largest of the shares' largest: the next token. One simdgroup.
[[kernel]] void argmax(
    device const float* values [[buffer(0)]],
    device const uint* ids [[buffer(1)]],
    device uint* chosen [[buffer(2)]],
    constant uint& count [[buffer(3)]],
    uint lane [[thread_index_in_simdgroup]]) {
  float value = LOWEST;
  uint id = 0xffffffffu;
  for (uint i = lane; i < count; i += 32) keep_larger(value, id, values[i], ids[i]);
  largest_of_simdgroup(value, id);
  if (lane == 0) chosen[0] = id;
}

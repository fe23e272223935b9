// What the vision tower has beside products, norms and attention.

// Adds each patch's learned position: four rows of the table, weighted. One threadgroup per patch.
template <typename T>
[[kernel]] void add_positions(
    device T* x [[buffer(0)]],
    device const float* table [[buffer(1)]],
    device const uint* taps [[buffer(2)]],
    device const float* weights [[buffer(3)]],
    constant uint& cols [[buffer(4)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]]) {
  const uint patch = group.x;
  for (uint i = tid; i < cols; i += size.x) {
    float sum = float(x[ulong(patch) * cols + i]);
    for (uint tap = 0; tap < 4; tap++) {
      sum += weights[patch * 4 + tap] * table[ulong(taps[patch * 4 + tap]) * cols + i];
    }
    x[ulong(patch) * cols + i] = T(sum);
  }
}

// Turns the queries and keys of `[patch][query, key, value][head][dim]` in place: dimension `i` with `i + D / 2`.
// `turns` holds the cosines and then the sines of each patch. One thread per pair, one threadgroup per patch.
template <typename T, int D>
[[kernel]] void turn_patches(
    device T* rows [[buffer(0)]],
    device const float* turns [[buffer(1)]],
    constant uint& heads [[buffer(2)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]]) {
  constexpr uint HALF = D / 2;
  device T* row = rows + ulong(group.x) * 3 * heads * D;
  device const float* turn = turns + ulong(group.x) * 2 * HALF;
  for (uint e = tid; e < 2 * heads * HALF; e += size.x) {
    const uint i = e % HALF;
    device T* at = row + e / HALF * D + i;
    const float a = float(at[0]);
    const float b = float(at[HALF]);
    at[0] = T(a * turn[i] - b * turn[HALF + i]);
    at[HALF] = T(b * turn[i] + a * turn[HALF + i]);
  }
}

// Norms over rows, one threadgroup per row. `scale` is what a row is multiplied by: one plus the stored weight
// where the model says so.

template <typename T>
[[kernel]] void rms_norm(
    device const T* x [[buffer(0)]],
    device const float* scale [[buffer(1)]],
    device T* y [[buffer(2)]],
    constant uint& cols [[buffer(3)]],
    constant float& eps [[buffer(4)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float parts[32];
  device const T* row = x + ulong(group.x) * cols;
  device T* out = y + ulong(group.x) * cols;
  float squares = 0.0f;
  for (uint i = tid; i < cols; i += size.x) squares += float(row[i]) * float(row[i]);
  squares = simd_sum(squares);
  if (lane == 0) parts[sg] = squares;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float all = 0.0f;
  for (uint i = 0; i < nsg; i++) all += parts[i];
  const float length = rsqrt(all / float(cols) + eps);
  for (uint i = tid; i < cols; i += size.x) out[i] = T(float(row[i]) * length * scale[i]);
}

// With bias and mean taken off, as the vision tower uses it.
template <typename T>
[[kernel]] void layer_norm(
    device const T* x [[buffer(0)]],
    device const float* scale [[buffer(1)]],
    device const float* bias [[buffer(2)]],
    device T* y [[buffer(3)]],
    constant uint& cols [[buffer(4)]],
    constant float& eps [[buffer(5)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 size [[threads_per_threadgroup]],
    uint tid [[thread_index_in_threadgroup]],
    uint sg [[simdgroup_index_in_threadgroup]],
    uint nsg [[simdgroups_per_threadgroup]],
    uint lane [[thread_index_in_simdgroup]]) {
  threadgroup float sums[32];
  threadgroup float parts[32];
  device const T* row = x + ulong(group.x) * cols;
  device T* out = y + ulong(group.x) * cols;
  float sum = 0.0f;
  for (uint i = tid; i < cols; i += size.x) sum += float(row[i]);
  sum = simd_sum(sum);
  if (lane == 0) sums[sg] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float mean = 0.0f;
  for (uint i = 0; i < nsg; i++) mean += sums[i];
  mean /= float(cols);
  // The spread is taken about the mean, not as a difference of large numbers.
  float squares = 0.0f;
  for (uint i = tid; i < cols; i += size.x) {
    const float off = float(row[i]) - mean;
    squares += off * off;
  }
  squares = simd_sum(squares);
  if (lane == 0) parts[sg] = squares;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float all = 0.0f;
  for (uint i = 0; i < nsg; i++) all += parts[i];
  const float length = rsqrt(all / float(cols) + eps);
  for (uint i = tid; i < cols; i += size.x) {
    out[i] = T((float(row[i]) - mean) * length * scale[i] + bias[i]);
  }
}

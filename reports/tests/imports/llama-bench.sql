CREATE TABLE IF NOT EXISTS llama_bench (
  build_commit TEXT,
  backends TEXT,
  model_type TEXT,
  n_prompt INTEGER,
  n_gen INTEGER,
  n_depth INTEGER,
  test_time TEXT,
  avg_ts REAL
);

INSERT INTO llama_bench (build_commit, backends, model_type, n_prompt, n_gen, n_depth, test_time, avg_ts) VALUES ('2d973636e', 'CPU', 'qwen3 4B Q4_K - Medium', '512', '0', '0', '2026-07-04T06:36:23Z', '90.577750');
INSERT INTO llama_bench (build_commit, backends, model_type, n_prompt, n_gen, n_depth, test_time, avg_ts) VALUES ('2d973636e', 'CPU', 'qwen3 4B Q4_K - Medium', '0', '128', '4096', '2026-07-04T07:05:15Z', '22.048992');

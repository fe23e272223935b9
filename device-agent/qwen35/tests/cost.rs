//! Stated costs against figures worked out independently from the published shapes, for every published size.

use dyno_qwen35::{Config, DecodeCost, memory_bytes};
use dyno_weights::{Checkpoint, Format, shapes};

const FORMATS: [Format; 9] = [
    Format::Bf16,
    Format::Affine { bits: 8, group: 64 },
    Format::Affine { bits: 6, group: 64 },
    Format::Affine { bits: 5, group: 64 },
    Format::Affine { bits: 4, group: 32 },
    Format::Affine { bits: 4, group: 64 },
    Format::Mxfp4,
    Format::Affine { bits: 3, group: 64 },
    Format::Affine { bits: 2, group: 64 },
];

/// GB of weights per decode token with every matrix in the column's format.
const WEIGHT_GB: [(&str, [&str; 9]); 8] = [
    ("0.8b", ["1.505", "0.800", "0.612", "0.518", "0.471", "0.424", "0.400", "0.330", "0.236"]),
    ("2b", ["3.764", "2.000", "1.530", "1.294", "1.177", "1.059", "1.001", "0.824", "0.589"]),
    ("4b", ["8.412", "4.470", "3.418", "2.893", "2.630", "2.367", "2.236", "1.842", "1.316"]),
    ("9b", ["15.873", "8.434", "6.450", "5.458", "4.962", "4.466", "4.218", "3.474", "2.482"]),
    ("27b", ["51.249", "27.229", "20.823", "17.620", "16.019", "14.418", "13.617", "11.215", "8.012"]),
    ("35b-a3b", ["5.893", "3.132", "2.395", "2.027", "1.843", "1.659", "1.567", "1.291", "0.923"]),
    ("122b-a10b", ["18.017", "9.573", "7.322", "6.196", "5.633", "5.070", "4.789", "3.944", "2.819"]),
    ("397b-a17b", ["32.664", "17.355", "13.273", "11.232", "10.211", "9.191", "8.680", "7.149", "5.108"]),
];

/// Per size: key-value bytes of a token in 16 bits; recurrent state in MB (f32); convolution state in MB
/// (16 bits).
const STATE: [(&str, u64, &str, &str); 8] = [
    ("0.8b", 12_288, "18.9", "0.66"),
    ("2b", 12_288, "18.9", "0.66"),
    ("4b", 32_768, "50.3", "1.18"),
    ("9b", 32_768, "50.3", "1.18"),
    ("27b", 65_536, "151", "2.95"),
    ("35b-a3b", 20_480, "62.9", "1.47"),
    ("122b-a10b", 24_576, "151", "2.65"),
    ("397b-a17b", 30_720, "189", "3.32"),
];

/// Parameters read per decode token, in billions.
const READ_PARAMETERS: [(&str, &str); 8] = [
    ("0.8b", "0.752"),
    ("2b", "1.882"),
    ("4b", "4.206"),
    ("9b", "7.937"),
    ("27b", "25.62"),
    ("35b-a3b", "2.946"),
    ("122b-a10b", "9.008"),
    ("397b-a17b", "16.33"),
];

fn costs(size: &str, format: Format, depth: usize) -> (Config, DecodeCost) {
    let json = shapes::config(size).expect("a published size");
    let config = Config::parse(&json).expect("parses");
    let weights = Checkpoint::synthetic(&json, 0, format).expect("lists its tensors");
    let cost = DecodeCost::new(&weights, &config, depth);
    (config, cost)
}

/// Whether `value` prints as `expected` when rounded to as many decimals.
fn prints_as(value: f64, expected: &str) -> bool {
    let decimals = expected.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{value:.decimals$}") == expected
}

/// The table has the router in the column's format too; converters keep it in 8 bits where the rest has
/// fewer or more. The difference is known exactly.
fn router_excess_bytes(config: &Config, size: &str, format: Format) -> f64 {
    let dyno_qwen35::config::FeedForward::Experts(experts) = config.text.feed_forward else { return 0.0 };
    let weights = Checkpoint::synthetic(&shapes::config(size).expect("known"), 0, format).expect("lists");
    let bits = |name: &str| weights.bits_per_weight(name).expect("present");
    let matrix = bits("language_model.layers.0.mlp.shared_expert.up_proj.weight");
    let router = bits("language_model.layers.0.mlp.gate.weight");
    let elements = (experts.count + 1) * config.text.hidden_size * config.text.mixers.len();
    elements as f64 * (router - matrix) / 8.0
}

#[test]
fn weight_bytes_are_those_of_the_table() {
    for (size, row) in WEIGHT_GB {
        for (format, expected) in FORMATS.into_iter().zip(row) {
            let (config, cost) = costs(size, format, 0);
            let gb = (cost.weight_bytes as f64 - router_excess_bytes(&config, size, format)) / 1e9;
            assert!(prints_as(gb, expected), "{size} {format}: {gb} instead of {expected}");
        }
    }
}

#[test]
fn state_bytes_are_those_of_the_table() {
    for (size, kv, recurrent, conv) in STATE {
        let (config, cost) = costs(size, Format::Bf16, 0);
        // The engine keeps keys, values and the convolution in f32: twice the table's bytes.
        assert_eq!(memory_bytes(&config, 1001) - memory_bytes(&config, 1000), 2 * kv, "{size}");
        assert_eq!(cost.kv_bytes, 2 * kv, "{size}: the first token writes itself");
        let linear = &config.text.linear;
        let layers = config.text.layers_with(dyno_qwen35::config::Mixer::Linear);
        let conv_bytes = (layers * (linear.conv_kernel - 1) * linear.conv_channels() * 4) as u64;
        assert!(prints_as(conv_bytes as f64 / 2.0 / 1e6, conv), "{size}: {conv_bytes}");
        let state_mb = (cost.recurrent_bytes / 2 - conv_bytes) as f64 / 1e6;
        assert!(prints_as(state_mb, recurrent), "{size}: {state_mb} instead of {recurrent}");
    }
}

#[test]
fn every_matrix_weight_costs_two_operations() {
    for (size, billions) in READ_PARAMETERS {
        let (_, cost) = costs(size, Format::Bf16, 0);
        // Norms, gates and convolutions are parameters but no matrices; they are below a thousandth.
        let expected = 2e9 * billions.parse::<f64>().expect("a number");
        let ratio = (cost.layer_flops + cost.head_flops) as f64 / expected;
        assert!((0.998..1.001).contains(&ratio), "{size}: {ratio}");
    }
}

#[test]
fn only_attention_grows_with_depth() {
    let (config, at_zero) = costs("2b", Format::Bf16, 0);
    let (_, at_depth) = costs("2b", Format::Bf16, 1000);
    assert_eq!(at_depth.kv_bytes, 1001 * at_zero.kv_bytes);
    assert_eq!(at_depth.attention_flops, 1001 * at_zero.attention_flops);
    // 6 full layers, 8 heads of 256, two products of two operations each.
    assert_eq!(at_zero.attention_flops, 6 * 4 * 8 * 256);
    assert_eq!(at_depth.recurrent_flops, at_zero.recurrent_flops);
    // 18 linear layers, 16 heads with a state of 128 x 128; 6144 channels with 4 taps.
    assert_eq!(at_zero.recurrent_flops, 18 * (7 * 16 * 128 * 128 + 2 * 4 * 6144));
    assert_eq!(at_depth.weight_bytes, at_zero.weight_bytes);
    assert_eq!(config.text.mixers.len(), 24);
}

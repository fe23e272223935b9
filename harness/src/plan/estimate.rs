//! How long a trial will take, roughly: enough for a progress bar and for deciding whether to wait.

use dyno_protocol::ComputeUnit;
use dyno_suites::{Case, Definitions, Variant, Work};

use super::{Configuration, Offer};
use crate::models::Chosen;
use crate::selection::Selection;

/// What a device is taken to read where nothing better is known. A guess, used for waiting times only.
const GUESSED_BYTES_PER_S: f64 = 8e9;
/// Reading a prompt token costs this share of a decode token, at a guess.
const PREFILL_SHARE: f64 = 0.08;
const GUESSED_WEIGHT_BYTES: f64 = 1e9;
/// What is known of a task's items before they are made: guesses, used for waiting times only.
const GUESSED_ITEMS: u32 = 1000;
const GUESSED_PROMPT_TOKENS: f64 = 200.0;
const GUESSED_ANSWER_TOKENS: u32 = 24;
const BESIDES_ITEM_NS: f64 = 3e6;
const BESIDES_NS: u64 = 40_000_000;

pub(super) fn bandwidth_ns(case: &Case, short: bool) -> u64 {
    let passes = u64::from(case.pass_rules(short).repeat.min_passes);
    passes * 200_000_000
}

pub(super) fn trial_ns(
    case: &Case,
    variant: &Variant,
    selection: &Selection,
    configuration: &Configuration<'_>,
    offer: &Offer,
    definitions: &Definitions,
) -> u64 {
    let rules = case.pass_rules(selection.short);
    let token_ns = token_ns(configuration, offer, definitions);
    if let Work::Items { task, items, cap, .. } = &variant.work {
        let asked = selection.items.or(items.of(selection.short));
        let parts = variant.axes.get("shard").and_then(|shard| shard.split_once('/')?.1.parse().ok());
        let count = definitions.task(task).ok().and_then(|task| task.count(asked)).unwrap_or(GUESSED_ITEMS);
        let count = f64::from(count / parts.unwrap_or(1_u32).max(1));
        // Few answers are as long as they may be.
        let written = f64::from(cap.unwrap_or(GUESSED_ANSWER_TOKENS).min(GUESSED_ANSWER_TOKENS));
        let item_ns = token_ns * (GUESSED_PROMPT_TOKENS * PREFILL_SHARE + written) + BESIDES_ITEM_NS;
        return (count * item_ns) as u64 + BESIDES_NS;
    }
    let (prompt, output) = variant.work.tokens();
    let prompt_token_ns = if let Chosen::Script(script) = &configuration.chosen {
        script.prefill_token_ns as f64
    } else {
        token_ns * PREFILL_SHARE
    };
    let read_ns = f64::from(prompt) * prompt_token_ns;
    let write_ns = f64::from(output) * token_ns;
    let passes = f64::from(rules.warm_up.min_passes + rules.repeat.min_passes);
    let work_ns = match &variant.work {
        Work::Sustain { duration_ns, idle_ns, .. } => (*duration_ns + *idle_ns) as f64,
        Work::Generate { reuse_prefix, .. } if *reuse_prefix > 0 => read_ns + passes * write_ns,
        _ => passes * (read_ns + write_ns),
    };
    (work_ns as u64).min(rules.repeat.budget_ns.saturating_mul(2)) + BESIDES_NS
}

fn token_ns(configuration: &Configuration<'_>, offer: &Offer, definitions: &Definitions) -> f64 {
    if let Chosen::Script(script) = &configuration.chosen {
        return script.decode_token_ns as f64;
    }
    let weight_bytes = configuration.chosen.model().and_then(|model| {
        let bits = configuration.quant.and_then(|quant| quant.bits_per_weight).unwrap_or(16.0);
        Some(model.parameters?.active_per_token as f64 * bits / 8.0)
    });
    let chip = offer.facts.chip.value().and_then(|chip| definitions.chip(chip).ok());
    let bytes_per_s = chip.map_or(GUESSED_BYTES_PER_S, |chip| chip.bandwidth_gb_s * 1e9 / 2.0);
    let slower = if configuration.unit == ComputeUnit::NeuralEngine { 2.0 } else { 1.0 };
    weight_bytes.unwrap_or(GUESSED_WEIGHT_BYTES) / bytes_per_s * slower * 1e9
}

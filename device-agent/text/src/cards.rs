//! Sampling settings as the model cards give them, by size and mode.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::sampling::Settings;

/// The modes that the cards distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardMode {
    ThinkingGeneral,
    ThinkingPrecise,
    ThinkingVision,
    InstructGeneral,
    InstructReasoning,
    InstructVision,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    temperature: f32,
    top_p: f32,
    top_k: u32,
    min_p: f32,
    presence_penalty: f32,
    repetition_penalty: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    sizes: Vec<String>,
    modes: BTreeMap<CardMode, Figures>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cards {
    card: Vec<Card>,
}

/// What the card of this size (`0.8B`, `2B`, `4B`, `9B`) advises for a mode; `None` where it is silent.
pub fn card(size: &str, mode: CardMode, seed: u64) -> Option<Settings> {
    let card = cards().card.iter().find(|card| card.sizes.iter().any(|known| known == size))?;
    let figures = card.modes.get(&mode)?;
    Some(Settings {
        temperature: figures.temperature,
        top_k: figures.top_k,
        top_p: figures.top_p,
        min_p: figures.min_p,
        presence_penalty: figures.presence_penalty,
        repetition_penalty: figures.repetition_penalty,
        seed,
    })
}

fn cards() -> &'static Cards {
    static CARDS: OnceLock<Cards> = OnceLock::new();
    CARDS.get_or_init(|| {
        toml::from_str(include_str!("data/sampling_cards.toml"))
            .expect("the embedded file parses: tested below")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sampler;

    #[test]
    fn every_card_can_be_sampled_with() {
        for card_ in &cards().card {
            for (size, mode) in card_.sizes.iter().flat_map(|s| card_.modes.keys().map(move |m| (s, *m))) {
                let settings = card(size, mode, 3).unwrap();
                assert!(Sampler::new(settings, 8, &[]).is_ok(), "{size} {mode:?}");
                assert_eq!((settings.seed, settings.top_k), (3, 20));
            }
        }
    }

    #[test]
    fn small_models_differ_from_large_ones() {
        let small = card("2B", CardMode::InstructGeneral, 0).unwrap();
        let large = card("9B", CardMode::InstructGeneral, 0).unwrap();
        assert!((small.presence_penalty, large.presence_penalty) == (2.0, 1.5));
        assert!((small.temperature, large.temperature) == (1.0, 0.7));
        assert!(card("70B", CardMode::InstructGeneral, 0).is_none());
        assert!(card("4B", CardMode::InstructVision, 0).is_none());
    }
}

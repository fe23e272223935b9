//! Why a combination cannot be run, in words that say what would make it run.

use dyno_protocol::{ComputeUnit, Thinking};
use dyno_suites::{Capability, Case, Definitions, Subject, Variant, Words, Work};

use super::{Configuration, Offer, is_scripted};
use crate::models::{AS_STORED, Chosen, SERVER_ENGINE};

/// The metric whose cases need an instrument.
const ENERGY: &str = "gross_energy_per_token";

pub(super) fn reason(
    case: &Case,
    configuration: &Configuration<'_>,
    variant: &Variant,
    offer: &Offer,
) -> Option<String> {
    engine(configuration, offer)
        .or_else(|| weights(configuration))
        .or_else(|| vision(configuration, variant))
        .or_else(|| instrument(case, offer))
        .or_else(|| context(configuration, variant))
        .or_else(|| memory(configuration, offer))
}

fn engine(configuration: &Configuration<'_>, offer: &Offer) -> Option<String> {
    let engines = &offer.facts.engines;
    let Some(facts) = engines.iter().find(|facts| facts.name == configuration.engine) else {
        let known: Vec<_> = engines.iter().map(|facts| facts.name.as_str()).collect();
        return Some(format!(
            "{} has no engine `{}`; it has {}",
            offer.device,
            configuration.engine,
            known.join(", ")
        ));
    };
    if !facts.units.contains(&configuration.unit) {
        let units: Vec<_> = facts.units.iter().map(|unit| unit.word()).collect();
        let needs = match configuration.unit {
            ComputeUnit::Gpu => {
                "; that needs one of Apple's devices, or NVIDIA's driver and an agent built with the feature `cuda`"
            }
            _ => "",
        };
        return Some(format!(
            "the engine `{}` of {} runs on {}, not on {}{needs}",
            configuration.engine,
            offer.device,
            units.join(", "),
            configuration.unit.word()
        ));
    }
    None
}

fn weights(configuration: &Configuration<'_>) -> Option<String> {
    let script = matches!(configuration.chosen, Chosen::Script(_));
    if script != is_scripted(&configuration.engine) {
        return Some(
            "a script is run by the engine `scripted`, and that engine runs nothing else".to_owned(),
        );
    }
    match &configuration.chosen {
        // What a server has is the server's to know.
        _ if configuration.engine == SERVER_ENGINE => None,
        Chosen::Elsewhere(model) => Some(format!(
            "the weights of {} are not here; give the path of a checkpoint instead of its name",
            model.title
        )),
        Chosen::Synthetic { .. } if configuration.quant_name == AS_STORED => {
            Some("synthetic weights are stored in no format; name one with --quant".to_owned())
        }
        _ => None,
    }
}

/// A model of the catalogue says whether it sees; a checkpoint is asked by loading it.
fn vision(configuration: &Configuration<'_>, variant: &Variant) -> Option<String> {
    let sees = match &configuration.chosen {
        Chosen::Script(_) => false,
        chosen => chosen.model().is_none_or(|model| model.capabilities.contains(&Capability::Vision)),
    };
    (variant.work.needs_vision() && !sees).then(|| format!("{} takes no pictures", configuration.model_name))
}

/// Work that is all about energy is not worth its time where nothing measures energy.
fn instrument(case: &Case, offer: &Offer) -> Option<String> {
    let needs = case.metrics.iter().any(|metric| metric == ENERGY);
    let names = offer.facts.sensors.iter().map(|sensor| sensor.name.as_str());
    (needs && dyno_reports::derive::instruments(names).is_empty()).then(|| {
        format!(
            "no instrument: {} has neither a counter of energy nor a battery gauge that it can read",
            offer.device
        )
    })
}

fn context(configuration: &Configuration<'_>, variant: &Variant) -> Option<String> {
    let limit = configuration.chosen.model()?.context_tokens?;
    let needed = variant.work.context_tokens();
    (needed > limit)
        .then(|| format!("it needs {needed} tokens of context, and {} has {limit}", configuration.model_name))
}

/// What a task asks for and a configuration has not.
pub(super) fn items(
    configuration: &Configuration<'_>,
    variant: &Variant,
    definitions: &Definitions,
) -> Option<String> {
    let Work::Items { task, thinking, .. } = &variant.work else { return None };
    let task = definitions.task(task).ok()?;
    let engine = configuration.engine.as_str();
    if is_scripted(engine) {
        return Some("a script has no words, and items are asked in words".to_owned());
    }
    if task.ask.is_choice() && engine == SERVER_ENGINE {
        return Some("a server does not weigh given options".to_owned());
    }
    let lacks = |capability: Capability| {
        configuration.chosen.model().is_some_and(|model| !model.capabilities.contains(&capability))
    };
    if task.subject == Subject::Pictures && lacks(Capability::Vision) {
        return Some(format!("{} takes no pictures", configuration.model_name));
    }
    (*thinking == Thinking::On && lacks(Capability::Thinking))
        .then(|| format!("{} does not think first", configuration.model_name))
}

/// Weights that are larger than the memory cannot be measured as if they were in it.
fn memory(configuration: &Configuration<'_>, offer: &Offer) -> Option<String> {
    let memory_bytes = *offer.facts.memory_bytes.value()?;
    let parameters = configuration.chosen.model()?.parameters?;
    let bits = configuration.quant?.bits_per_weight?;
    let weight_bytes = (parameters.text as f64 * bits / 8.0) as u64;
    (weight_bytes > memory_bytes).then(|| {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        format!(
            "its weights take {:.1} GB, and {} has {:.1} GB of memory",
            gigabytes(weight_bytes),
            offer.device,
            gigabytes(memory_bytes)
        )
    })
}

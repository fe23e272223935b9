//! Items over several devices of a kind: each device asks its own part of them.

use dyno_protocol::DeviceFacts;
use dyno_suites::{Case, Variant};

use super::Offer;

/// Which part of the items a device asks, counted from one, and of how many; `None` for a device without others of its
/// kind, and for work that is no items.
pub(super) fn of(case: &Case, offer: &Offer, offers: &[Offer]) -> Option<(usize, usize)> {
    case.work.task()?;
    let kin: Vec<&Offer> = offers.iter().filter(|other| is_kin(&other.facts, &offer.facts)).collect();
    let number = kin.iter().position(|other| other.device == offer.device)? + 1;
    (kin.len() > 1).then_some((number, kin.len()))
}

/// Devices whose answers may be put together: the same model, system, and build of the agent.
fn is_kin(one: &DeviceFacts, other: &DeviceFacts) -> bool {
    let of = |facts: &DeviceFacts| {
        (
            facts.kind,
            facts.model_identifier.clone(),
            facts.chip.clone(),
            facts.os_build.clone(),
            facts.build.clone(),
            facts.engines.clone(),
        )
    };
    of(one) == of(other)
}

/// The variant's axes with the part that is asked.
pub(super) fn with(mut variant: Variant, shard: Option<(usize, usize)>) -> Variant {
    variant.axes.extend(shard.map(|(number, of)| ("shard".to_owned(), format!("{number}/{of}"))));
    variant
}

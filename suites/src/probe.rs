//! Probes and gates: the short decode that shows how fast a device is now, and what it has to show before a
//! trial may begin. A device's own word for its heat is no gate: it lags and it is kind.

use dyno_protocol::{RepeatRule, StopRule, WarmUpRule};
use serde::Serialize;

use crate::case::PassRules;
use crate::loading::Fields;
use crate::work::{PromptSource, Work};

/// A short decode after a single id. Its warm-up passes wake clocks that an idle gap put to sleep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Probe {
    pub tokens: u32,
    pub warm_up_max: u32,
    pub passes: u32,
    pub seed: u64,
}

/// When a trial may begin, and how long it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gate {
    /// The probe has to be back within this share of its own cold reference of the sitting.
    pub within: f64,
    pub timeout_ns: u64,
    /// The first rest before the probe is tried; each further one is longer by half.
    pub rest_ns: u64,
    pub rest_max_ns: u64,
    /// How often a trial that began hot or was disturbed is put off to the end of its sitting.
    pub reschedules: u32,
}

/// Successive probes agree when they are this close.
const AGREE_WITHIN: f64 = 0.05;

impl Probe {
    pub fn work(&self) -> Work {
        Work::Generate {
            prompt: PromptSource::Filler { tokens: 1, seed: self.seed },
            stop: self.stop(),
            reuse_prefix: 0,
            allocate_context: None,
        }
    }

    pub fn stop(&self) -> StopRule {
        StopRule { max_tokens: self.tokens, ignore_end: true, stop_on_loop: false, thinking_budget: None }
    }

    pub fn rules(&self) -> PassRules {
        PassRules {
            warm_up: WarmUpRule {
                min_passes: 1.min(self.warm_up_max),
                max_passes: self.warm_up_max,
                agree_within: AGREE_WITHIN,
            },
            repeat: RepeatRule { min_passes: self.passes, max_passes: self.passes, ..RepeatRule::ONCE },
        }
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        Self {
            tokens: fields.whole("tokens", 2..=4096) as u32,
            warm_up_max: fields.whole("warm_up_max", 0..=20) as u32,
            passes: fields.whole("passes", 1..=20) as u32,
            seed: fields.whole("seed", 0..=u64::from(u32::MAX)),
        }
    }
}

impl Gate {
    /// The rest after this one.
    pub fn longer(&self, rest_ns: u64) -> u64 {
        (rest_ns + rest_ns / 2).min(self.rest_max_ns)
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        let seconds = |key| fields.whole(key, 1..=86_400) * 1_000_000_000;
        Self {
            within: fields.number("within", 0.005..=0.5),
            timeout_ns: seconds("timeout_s"),
            rest_ns: seconds("rest_s"),
            rest_max_ns: seconds("rest_max_s"),
            reschedules: fields.whole("reschedules", 0..=10) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;

    #[test]
    fn rests_grow_by_half_up_to_the_longest() {
        let gate = Gate { within: 0.05, timeout_ns: 0, rest_ns: 10, rest_max_ns: 20, reschedules: 0 };
        assert_eq!((gate.longer(10), gate.longer(15)), (15, 20));
    }
}

//! Heat in two nodes, the governor that reacts to the die, and the label that the system shows for it.

use dyno_protocol::{SimulatedGovernor, SimulatedHeat, SimulatedLabel, ThermalState};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heat {
    pub(crate) die_c: f64,
    pub(crate) case_c: f64,
    /// The clock as a share of the full one.
    pub(crate) share: f64,
    pub(crate) label: ThermalState,
    label_c: f64,
    since_look_s: f64,
}

impl Heat {
    pub(crate) fn start(heat: &SimulatedHeat) -> Self {
        let idle_k = heat.idle_w * heat.case_to_air_k_per_w;
        // The label's own temperature has not caught up with a hot start: that is what lying looks like.
        let label_c = (heat.air_c + idle_k).min(heat.start_c);
        Self {
            die_c: heat.start_c,
            case_c: heat.start_c,
            share: 1.0,
            label: ThermalState::Nominal,
            label_c,
            since_look_s: 0.0,
        }
    }

    /// `work_w` goes into the die, `idle_w` of the profile into the case.
    pub(crate) fn elapse(&mut self, heat: &SimulatedHeat, work_w: f64, seconds: f64) {
        // Half-implicit: stable for any length of the step, exact enough for steps of a tenth of a second.
        let to_case = 1.0 / heat.die_to_case_k_per_w;
        let to_air = 1.0 / heat.case_to_air_k_per_w;
        let die_step = seconds / heat.die_j_per_k;
        self.die_c = (self.die_c + die_step * (work_w + to_case * self.case_c)) / (1.0 + die_step * to_case);
        let case_step = seconds / heat.case_j_per_k;
        self.case_c = (self.case_c + case_step * (heat.idle_w + to_case * self.die_c + to_air * heat.air_c))
            / (1.0 + case_step * (to_case + to_air));
    }

    /// The governor looks once a period.
    pub(crate) fn govern(&mut self, governor: &SimulatedGovernor, seconds: f64) {
        self.since_look_s += seconds;
        while self.since_look_s >= governor.period_s {
            self.since_look_s -= governor.period_s;
            if self.die_c > governor.limit_c {
                self.share = (self.share - governor.step_share).max(governor.lowest_share);
            } else if self.die_c < governor.limit_c - governor.hysteresis_k {
                self.share = (self.share + governor.step_share).min(1.0);
            }
        }
    }

    pub(crate) fn relabel(&mut self, label: &SimulatedLabel, seconds: f64) {
        self.label_c += (self.case_c - self.label_c) * (seconds / (label.lag_s + seconds));
        let bounds = [
            (ThermalState::Critical, label.critical_c),
            (ThermalState::Serious, label.serious_c),
            (ThermalState::Fair, label.fair_c),
        ];
        let reached = |slack: f64| {
            let found = bounds.iter().find(|(_, from_c)| self.label_c >= from_c - slack);
            found.map_or(ThermalState::Nominal, |(state, _)| *state)
        };
        // Up at the bound, down only when it is left behind.
        self.label = reached(0.0).max(self.label.min(reached(label.hysteresis_k)));
    }
}

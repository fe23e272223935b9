//! The battery: how much was really drawn, what the gauge shows of it, and what current and voltage say.

use dyno_protocol::SimulatedBattery;
use serde::{Deserialize, Serialize};

use crate::draw::{Draws, Of};

/// The gauge's first steps from full take this many times as long.
const STICKING: f64 = 2.5;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Battery {
    /// Drawn from the battery since the sitting began, charging taken off.
    pub(crate) drawn_j: f64,
    pub(crate) shown_percent: f64,
    pub(crate) charging: bool,
    /// The gauge moves when this much is drawn, or this much is given back.
    next_tick_j: f64,
    last_tick_j: f64,
    ticks: u64,
    /// What the telemetry shows until it is refreshed, and what goes into the next refresh.
    shown_w: f64,
    refresh_left_s: f64,
    gathered_j: f64,
    gathered_s: f64,
}

impl Battery {
    pub(crate) fn start(battery: &SimulatedBattery, idle_w: f64, draws: Draws) -> Self {
        let mut started = Self {
            drawn_j: 0.0,
            shown_percent: battery.start_percent,
            charging: battery.charging,
            next_tick_j: 0.0,
            last_tick_j: 0.0,
            ticks: 0,
            shown_w: idle_w,
            // Nobody knows when the gauge was last refreshed.
            refresh_left_s: battery.refresh_s * draws.uniform(Of::Refresh, 0),
            gathered_j: 0.0,
            gathered_s: 0.0,
        };
        let first = started.between_ticks(battery, draws);
        // Some of the charge up to the first tick was drawn before.
        started.last_tick_j = -first * draws.uniform(Of::FirstTick, 0);
        started.next_tick_j = started.last_tick_j + first;
        started
    }

    fn between_ticks(&self, battery: &SimulatedBattery, draws: Draws) -> f64 {
        let step_j = capacity_j(battery) * battery.gauge_step_percent / 100.0;
        let uneven = (1.0 + battery.tick_spread * draws.normal(Of::Tick, self.ticks)).max(0.2);
        let sticks = self.shown_percent > battery.sticks_above_percent;
        step_j * uneven * if sticks { STICKING } else { 1.0 }
    }

    pub(crate) fn elapse(&mut self, battery: &SimulatedBattery, draw_w: f64, seconds: f64, draws: Draws) {
        let net_w = if self.charging { draw_w - battery.charger_w } else { draw_w };
        self.drawn_j += net_w * seconds;
        if self.drawn_j >= self.next_tick_j {
            self.shown_percent = (self.shown_percent - battery.gauge_step_percent).max(0.0);
            self.tick(battery, draws);
        } else if self.drawn_j < self.last_tick_j - (self.next_tick_j - self.last_tick_j) {
            self.shown_percent = (self.shown_percent + battery.gauge_step_percent).min(100.0);
            self.tick(battery, draws);
        }
        self.refresh(battery, net_w, seconds, draws);
    }

    fn tick(&mut self, battery: &SimulatedBattery, draws: Draws) {
        self.ticks += 1;
        self.last_tick_j = self.drawn_j;
        self.next_tick_j = self.drawn_j + self.between_ticks(battery, draws);
    }

    fn refresh(&mut self, battery: &SimulatedBattery, net_w: f64, seconds: f64, draws: Draws) {
        self.gathered_j += net_w * seconds;
        self.gathered_s += seconds;
        self.refresh_left_s -= seconds;
        if self.refresh_left_s <= 0.0 {
            let error = 1.0 + battery.current_error * draws.normal(Of::Current, 0);
            self.shown_w = self.gathered_j / self.gathered_s * error;
            (self.gathered_j, self.gathered_s) = (0.0, 0.0);
            self.refresh_left_s = battery.refresh_s;
        }
    }

    /// Positive while it discharges.
    pub(crate) fn current_a(&self, battery: &SimulatedBattery) -> f64 {
        self.shown_w / battery.volts
    }
}

/// What it holds when it is full, as its own gauge has learnt it.
pub(crate) fn capacity_j(battery: &SimulatedBattery) -> f64 {
    battery.capacity_wh * 3600.0 * battery.health
}

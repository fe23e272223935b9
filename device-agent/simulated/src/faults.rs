//! What goes wrong, when a profile says so.

use dyno_protocol::SimulatedFault;

use crate::device::{Device, Stop};

/// What came out at a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Right,
    Wrong,
    LineBreak,
}

impl Device {
    /// What this token of the process's life comes out as, and how many times as fast.
    pub(crate) fn token_fault(&self) -> Result<(Said, f64), Stop> {
        let at = self.process_tokens;
        let (mut said, mut times) = (Said::Right, 1.0);
        for fault in &self.profile.faults {
            match fault {
                SimulatedFault::DieAtToken { token } if at >= *token => return Err(Stop::Die),
                SimulatedFault::HangAtToken { token } if at >= *token => return Err(Stop::Hang),
                SimulatedFault::FailAtToken { token } if at >= *token => {
                    return Err(Stop::Fail(format!("the profile fails at token {token}")));
                }
                SimulatedFault::WrongIdsFromToken { token } if at >= *token => said = Said::Wrong,
                SimulatedFault::GarbageFromToken { token, faster } if at >= *token => {
                    (said, times) = (Said::LineBreak, *faster);
                }
                _ => {}
            }
        }
        Ok((said, times))
    }

    /// Those whose second has come, each once.
    pub(crate) fn timed_faults(&mut self) {
        let now_s = self.now_s();
        for (number, fault) in self.profile.faults.iter().enumerate() {
            let (second, what) = match fault {
                SimulatedFault::KilledAt { second } => (*second, "the system ended the app"),
                SimulatedFault::LockedAt { second, .. } => (*second, "the screen was locked"),
                SimulatedFault::UnlockedAt { second } => (*second, "the screen was unlocked"),
                SimulatedFault::LowPowerAt { second, .. } => (*second, "low power mode was turned on"),
                SimulatedFault::ChargerInAt { second } => (*second, "the charger was put in"),
                SimulatedFault::ChargerOutAt { second } => (*second, "the charger was taken out"),
                _ => continue,
            };
            if now_s < second || !self.state.faults_done.insert(number) {
                continue;
            }
            self.notices.push(what.to_owned());
            let state = &mut self.state;
            match fault {
                SimulatedFault::KilledAt { .. } => self.killed = true,
                SimulatedFault::LockedAt { slow, .. } => {
                    (state.in_front, state.unlocked_at_s) = (false, None);
                    state.slowed *= 1.0 - slow;
                }
                SimulatedFault::UnlockedAt { .. } => {
                    (state.in_front, state.unlocked_at_s) = (true, Some(now_s));
                    state.slowed = 1.0;
                }
                SimulatedFault::LowPowerAt { slow, .. } => {
                    state.low_power = true;
                    state.slowed *= 1.0 - slow;
                }
                SimulatedFault::ChargerInAt { .. } | SimulatedFault::ChargerOutAt { .. } => {
                    if let Some(battery) = &mut state.battery {
                        battery.charging = matches!(fault, SimulatedFault::ChargerInAt { .. });
                    }
                }
                _ => {}
            }
        }
    }
}

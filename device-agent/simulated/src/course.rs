//! The truth over time, which no sensor shows: for whoever checks what was measured against it.

use crate::device::Device;

/// Between two moments that are kept.
const STEP_NS: u64 = 1_000_000_000;

/// The truth at a moment, which no sensor shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    pub at_ns: u64,
    pub energy_j: f64,
    pub work_j: f64,
    /// The clock as a share of the full one.
    pub share: f64,
    /// Everything that makes the device faster or slower than its nominal speed, but for the noise of passes.
    pub speed: f64,
}

impl Device {
    /// Keeps the truth from now on.
    pub fn keep_course(&mut self) {
        self.course = Some(Vec::new());
    }

    /// The truth as it went up to now, where it was kept.
    pub fn course(&self) -> Vec<Moment> {
        let kept = self.course.iter().flatten().copied();
        kept.chain(self.course.is_some().then(|| self.moment())).collect()
    }

    fn moment(&self) -> Moment {
        Moment {
            at_ns: self.state.now_ns,
            energy_j: self.state.energy_j,
            work_j: self.state.work_j,
            share: self.state.heat.share,
            speed: self.speed() / self.pass,
        }
    }

    pub(crate) fn keep_moment(&mut self) {
        let Some(course) = &self.course else { return };
        if course.last().is_none_or(|last| self.state.now_ns >= last.at_ns + STEP_NS) {
            let moment = self.moment();
            self.course.get_or_insert_default().push(moment);
        }
    }
}

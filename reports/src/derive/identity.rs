//! What has to be the same before two numbers of one cell are put together.

use dyno_protocol::{BuildProfile, DeviceKind, Known, PowerSource, ThermalState};

use super::attempt::Attempted;

/// Device, builds, weights and state. `None` is unknown, and unknown is not the same as any value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) device_id: String,
    pub(crate) kind: DeviceKind,
    pub(crate) marketing_name: Option<String>,
    pub(crate) os: String,
    pub(crate) os_build: Option<String>,
    /// The agent's executable, by hash where it is known.
    pub(crate) agent: String,
    pub(crate) profile: BuildProfile,
    pub(crate) engine_version: Option<String>,
    pub(crate) model_sha256: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) power: Option<PowerSource>,
    pub(crate) low_power_mode: Option<bool>,
    pub(crate) thermal_start: Option<ThermalState>,
    pub(crate) in_background: bool,
}

impl Identity {
    /// `None` for an attempt whose session left no facts.
    pub(super) fn of(attempt: &Attempted<'_>) -> Option<Self> {
        let facts = &attempt.session?.start.facts;
        let begin = attempt.begin_conditions();
        let loaded = attempt.loaded();
        let engine = &attempt.planned.cell.engine;
        Some(Self {
            device_id: facts.device_id.clone(),
            kind: facts.kind,
            marketing_name: facts.marketing_name.value().cloned(),
            os: format!(
                "{} {}",
                facts.os_name,
                facts.os_version.value().map_or("of an unknown version", String::as_str)
            ),
            os_build: facts.os_build.value().cloned(),
            agent: facts.build.binary_sha256.value().unwrap_or(&facts.build.version).clone(),
            profile: facts.build.profile,
            engine_version: facts
                .engines
                .iter()
                .find(|found| found.name == *engine)
                .map(|found| found.version.clone()),
            model_sha256: loaded.map(|loaded| loaded.model_sha256.clone()),
            format: loaded.map(|loaded| loaded.format.clone()),
            power: begin.and_then(|begin| begin.power.value().copied()),
            low_power_mode: begin.and_then(|begin| begin.low_power_mode.value().copied()),
            thermal_start: begin.and_then(|begin| begin.thermal.value().copied()),
            in_background: begin.is_some_and(|begin| begin.foreground == Known::Is(false)),
        })
    }

    /// In which respects two of them differ, in words.
    pub(crate) fn differs_from(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("device", self.device_id != other.device_id || self.kind != other.kind),
            ("operating system", self.os != other.os),
            ("OS build", self.os_build != other.os_build),
            ("agent build", self.agent != other.agent || self.profile != other.profile),
            ("engine version", self.engine_version != other.engine_version),
            ("weights", self.model_sha256 != other.model_sha256 || self.format != other.format),
            ("power source", self.power != other.power),
            ("low power mode", self.low_power_mode != other.low_power_mode),
            ("thermal state at the start", self.thermal_start != other.thermal_start),
            ("foreground", self.in_background != other.in_background),
        ];
        parts.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect()
    }

    /// The device as people call it.
    pub(crate) fn device(&self) -> &str {
        self.marketing_name.as_deref().unwrap_or(&self.device_id)
    }
}

//! Closed vocabularies: enums whose values have one spelling in definition files and on pages.
//! Owns the spellings, those of the protocol's enums included; knows nothing of what the values mean.

use dyno_protocol::{BuildProfile, ComputeUnit, DeviceKind, LoadRegime, PowerSource, ThermalState, Thinking};

/// An enum that definition files spell out.
pub trait Words: Copy + PartialEq + 'static {
    /// Every value with its spelling, in the order in which hints list them.
    const ALL: &'static [(&'static str, Self)];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("?", |(word, _)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }
}

/// An enum and its spellings in one place.
macro_rules! words {
    ($(#[$about:meta])* $seen:vis enum $name:ident { $($(#[$meaning:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        $seen enum $name { $($(#[$meaning])* #[serde(rename = $word)] $value,)+ }

        impl $crate::words::Words for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$value),)+];
        }
    };
}
pub(crate) use words;

macro_rules! protocol_words {
    ($name:ident { $($value:ident = $word:literal,)+ }) => {
        impl Words for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$value),)+];
        }
    };
}

protocol_words!(ComputeUnit {
    Cpu = "cpu",
    Gpu = "gpu",
    NeuralEngine = "neural-engine",
    Any = "any",
    Remote = "remote",
});
protocol_words!(DeviceKind {
    Iphone = "iphone",
    Ipad = "ipad",
    Mac = "mac",
    Linux = "linux",
    Simulated = "simulated",
    AppleSimulator = "apple-simulator",
});
protocol_words!(PowerSource { Mains = "mains", Charging = "charging", Battery = "battery", });
protocol_words!(ThermalState {
    Nominal = "nominal",
    Fair = "fair",
    Serious = "serious",
    Critical = "critical",
});
protocol_words!(BuildProfile { Release = "release", Debug = "debug", });
protocol_words!(LoadRegime { FirstEver = "first-ever", Cold = "cold", Warm = "warm", Kept = "kept", });
protocol_words!(Thinking { Default = "default", On = "on", Off = "off", });

#[cfg(test)]
mod tests {
    use super::Words;
    use serde::Serialize;

    fn spelled_as_the_wire_does<T: Words + Serialize>() {
        for (word, value) in T::ALL {
            assert_eq!(serde_json::to_value(value).unwrap(), *word);
            assert_eq!(value.word(), *word);
        }
    }

    #[test]
    fn protocol_values_are_spelled_as_on_the_wire() {
        spelled_as_the_wire_does::<super::ComputeUnit>();
        spelled_as_the_wire_does::<super::DeviceKind>();
        spelled_as_the_wire_does::<super::PowerSource>();
        spelled_as_the_wire_does::<super::ThermalState>();
        spelled_as_the_wire_does::<super::BuildProfile>();
        spelled_as_the_wire_does::<super::LoadRegime>();
        spelled_as_the_wire_does::<super::Thinking>();
    }
}

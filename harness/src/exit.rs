//! What the process's exit code says. One table for every command.

/// The worst of several answers wins; `worst` knows the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; a claim holds; no regression.
    Done,
    /// A claim fails; a regression.
    Fails,
    /// Wrong usage or definitions.
    Usage,
    /// Cannot tell.
    CannotTell,
    /// Device or agent trouble.
    Device,
    /// Interrupted; what was measured is kept.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Fails => 1,
            Self::Usage => 2,
            Self::CannotTell => 3,
            Self::Device => 4,
            Self::Interrupted => 130,
        }
    }

    /// Interrupted over device trouble over wrong usage over failing over doubt over done:
    /// the one that the operator must hear about first.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if self.rank() >= other.rank() { self } else { other }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::CannotTell => 1,
            Self::Fails => 2,
            Self::Usage => 3,
            Self::Device => 4,
            Self::Interrupted => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    const ALL: [Exit; 6] =
        [Exit::Done, Exit::Fails, Exit::Usage, Exit::CannotTell, Exit::Device, Exit::Interrupted];

    #[test]
    fn the_worst_answer_wins_in_any_order() {
        for a in ALL {
            for b in ALL {
                assert_eq!(a.worst(b), b.worst(a));
                assert_eq!(Exit::Done.worst(a), a);
            }
        }
        assert_eq!(Exit::CannotTell.worst(Exit::Fails), Exit::Fails);
        assert_eq!(Exit::Device.worst(Exit::Fails), Exit::Device);
    }
}

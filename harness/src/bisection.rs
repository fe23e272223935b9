//! The search of `dyno bisect`: which build to look at next, from what was found about others. Pure.

/// Builds in their order: the first is good, the last is bad, and somewhere between them it turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bisection {
    /// The last build that is known to be good, and the first that is known to be bad.
    pub(crate) good: usize,
    pub(crate) bad: usize,
}

impl Bisection {
    /// `None` for fewer than two builds: there is nothing between them.
    pub(crate) fn of(builds: usize) -> Option<Self> {
        (builds >= 2).then(|| Self { good: 0, bad: builds - 1 })
    }

    /// The build to look at; none when the first bad one is found.
    pub(crate) fn next(self) -> Option<usize> {
        (self.bad - self.good > 1).then(|| usize::midpoint(self.good, self.bad))
    }

    pub(crate) fn tell(&mut self, build: usize, is_bad: bool) {
        if is_bad {
            self.bad = self.bad.min(build);
        } else {
            self.good = self.good.max(build);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bisection;

    #[test]
    fn every_place_is_found_in_few_steps() {
        for builds in 2..40 {
            for first_bad in 1..builds {
                let mut search = Bisection::of(builds).unwrap();
                let mut steps = 0_u32;
                while let Some(build) = search.next() {
                    assert!(build > search.good && build < search.bad);
                    search.tell(build, build >= first_bad);
                    steps += 1;
                }
                assert_eq!((search.good, search.bad), (first_bad - 1, first_bad));
                assert!(steps <= (builds as u32).ilog2() + 1, "{steps} steps for {builds}");
            }
        }
        assert_eq!(Bisection::of(1), None);
    }
}

//! The energy statistic of E-divisive means (Matteson and James 2014) for one number a point, for every split of a
//! segment at once.
//!
//! Sums of distances are kept by rank in a Fenwick tree, so that one pass over n points costs n log n instead of n²,
//! and hundreds of permutations of a long series stay cheap.

/// A segment's values as ranks, made once and used for every order of them.
#[derive(Debug)]
pub(super) struct Ranked {
    /// Distinct values, ascending.
    values: Vec<f64>,
    /// For each point, the place of its value.
    pub(super) ranks: Vec<usize>,
}

/// Count and sum of the values up to a rank.
#[derive(Debug)]
struct Tree {
    nodes: Vec<(f64, f64)>,
    count: f64,
    sum: f64,
}

impl Tree {
    fn new(size: usize) -> Self {
        Self { nodes: vec![(0.0, 0.0); size + 1], count: 0.0, sum: 0.0 }
    }

    fn add(&mut self, rank: usize, value: f64, sign: f64) {
        self.count += sign;
        self.sum += sign * value;
        let mut node = rank + 1;
        while node < self.nodes.len() {
            self.nodes[node].0 += sign;
            self.nodes[node].1 += sign * value;
            node += node & node.wrapping_neg();
        }
    }

    /// The sum of distances from this value to all in the tree.
    fn distances(&self, rank: usize, value: f64) -> f64 {
        let (mut count, mut sum, mut node) = (0.0, 0.0, rank + 1);
        while node > 0 {
            count += self.nodes[node].0;
            sum += self.nodes[node].1;
            node -= node & node.wrapping_neg();
        }
        (value * count - sum) + ((self.sum - sum) - value * (self.count - count))
    }
}

impl Ranked {
    pub(super) fn of(points: &[f64]) -> Self {
        let mut values = points.to_vec();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let rank = |point: &f64| values.partition_point(|value| value < point);
        Self { ranks: points.iter().map(rank).collect(), values }
    }

    /// The statistic of every split that leaves `shortest` points on either side, by the index of the first point
    /// after it, for the points in the order of these ranks.
    pub(super) fn splits(&self, ranks: &[usize], shortest: usize) -> Vec<(usize, f64)> {
        let length = ranks.len();
        let (mut left, mut right) = (Tree::new(self.values.len()), Tree::new(self.values.len()));
        let mut within_right = 0.0;
        for rank in ranks {
            within_right += right.distances(*rank, self.values[*rank]);
            right.add(*rank, self.values[*rank], 1.0);
        }
        let (mut within_left, mut across) = (0.0, 0.0);
        let mut splits = Vec::new();
        for (index, rank) in ranks.iter().enumerate() {
            let value = self.values[*rank];
            right.add(*rank, value, -1.0);
            let (to_left, to_right) = (left.distances(*rank, value), right.distances(*rank, value));
            within_left += to_left;
            within_right -= to_right;
            across += to_right - to_left;
            left.add(*rank, value, 1.0);
            let (n, m) = (index + 1, length - index - 1);
            if n >= shortest && m >= shortest {
                splits.push((n, statistic(n as f64, m as f64, across, within_left, within_right)));
            }
        }
        splits
    }

    /// The split with the largest statistic.
    pub(super) fn best(&self, ranks: &[usize], shortest: usize) -> Option<(usize, f64)> {
        self.splits(ranks, shortest).into_iter().max_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// Between the two parts less within each, in pairs' means, scaled by the parts' sizes.
fn statistic(n: f64, m: f64, across: f64, within_left: f64, within_right: f64) -> f64 {
    let mean_within = |sum: f64, size: f64| if size > 1.0 { 2.0 * sum / (size * (size - 1.0)) } else { 0.0 };
    n * m / (n + m) * (2.0 * across / (n * m) - mean_within(within_left, n) - mean_within(within_right, m))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, without cleverness.
    fn slow(points: &[f64], split: usize) -> f64 {
        let (left, right) = points.split_at(split);
        let distances = |one: &[f64], other: &[f64]| -> f64 {
            one.iter().flat_map(|a| other.iter().map(move |b| (a - b).abs())).sum()
        };
        statistic(
            left.len() as f64,
            right.len() as f64,
            distances(left, right),
            distances(left, left) / 2.0,
            distances(right, right) / 2.0,
        )
    }

    #[test]
    fn the_quick_way_gives_what_the_definition_gives() {
        let points: Vec<f64> =
            (0..57).map(|i| f64::from((i * 37) % 23) + if i > 30 { 4.5 } else { 0.0 }).collect();
        let ranked = Ranked::of(&points);
        for (split, found) in ranked.splits(&ranked.ranks, 1) {
            let expected = slow(&points, split);
            assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{split}: {found} {expected}");
        }
    }

    /// signal-processing-algorithms 2.1 (`MongoDB`, Apache-2.0), `tests/test_algorithm_continuity.py`: the statistic of
    /// a small series for each split.
    #[test]
    fn a_published_series_has_its_published_statistics() {
        let points = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0];
        let published = [
            2.296_296_3,
            3.875,
            5.904_761_9,
            4.333_333_33,
            3.6,
            3.416_666_67,
            3.809_523_81,
            5.25,
            3.111_111_11,
        ];
        let ranked = Ranked::of(&points);
        let found = ranked.splits(&ranked.ranks, 2);
        assert_eq!(found.len(), published.len());
        for ((_, found), published) in found.iter().zip(published) {
            assert!((found - published).abs() < 1e-7, "{found} {published}");
        }
    }

    /// The published value was made with n m / (n + m) cut to a whole number.
    #[test]
    fn a_published_throughput_has_its_published_statistic() {
        let text = include_str!("../../tests/published/series-mongodb-perf-1635.json");
        let series: serde_json::Value = serde_json::from_str(text).unwrap();
        let points: Vec<f64> = serde_json::from_value(series["values"].clone()).unwrap();
        let published = series["published_statistic"]["value"].as_f64().unwrap();
        let ranked = Ranked::of(&points);
        let (split, found) = ranked.best(&ranked.ranks, 2).unwrap();
        assert_eq!(split as u64, series["published_statistic"]["split"].as_u64().unwrap());
        let scale = split as f64 * (points.len() - split) as f64 / points.len() as f64;
        assert!((found / scale * scale.floor() - published).abs() < 1e-6 * published, "{found}");
    }
}

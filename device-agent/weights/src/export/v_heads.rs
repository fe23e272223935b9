//! The two orders of value heads, and who needs which. Hugging Face groups the value heads of one key head
//! together; GGUF tiles them, so that value head `h` belongs to key head `h mod key heads`.

use crate::shapes::Dims;

/// How a dimension is cut for reordering: heads of so many elements, after some that stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadOrder {
    key_heads: usize,
    per_key: usize,
    /// Elements per head along this dimension.
    width: usize,
    /// Elements before the first head.
    offset: usize,
    to_tiled: bool,
}

impl HeadOrder {
    /// Where element `index` of the new order sits in the old one.
    pub(crate) fn source(self, index: usize) -> usize {
        let Some(within) = index.checked_sub(self.offset) else { return index };
        let (head, rest) = (within / self.width, within % self.width);
        // Tiled head j * keys + k is grouped head k * per_key + j, and the other way round.
        let old = if self.to_tiled {
            (head % self.key_heads) * self.per_key + head / self.key_heads
        } else {
            (head % self.per_key) * self.key_heads + head / self.per_key
        };
        self.offset + old * self.width + rest
    }
}

/// What to reorder in one tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reorder {
    pub(crate) rows: Option<HeadOrder>,
    pub(crate) cols: Option<HeadOrder>,
}

impl Reorder {
    /// The same reordering of rows where each row has been cut into so many.
    pub(crate) fn with_rows_cut(self, into: usize) -> Self {
        let cut =
            |order: HeadOrder| HeadOrder { width: order.width * into, offset: order.offset * into, ..order };
        Self { rows: self.rows.map(cut), ..self }
    }
}

/// The reordering of a tensor by its canonical name; none when every key head has one value head.
pub(crate) fn reorder(name: &str, dims: &Dims, to_tiled: bool) -> Reorder {
    let per_key = dims.value_heads / dims.key_heads;
    let Some((_, part)) = name.rsplit_once(".linear_attn.").filter(|_| per_key > 1) else {
        return Reorder::default();
    };
    let order =
        |width, offset| Some(HeadOrder { key_heads: dims.key_heads, per_key, width, offset, to_tiled });
    let keys = 2 * dims.key_heads * dims.key_dim;
    match part {
        "in_proj_qkv.weight" | "conv1d.weight" => Reorder { rows: order(dims.value_dim, keys), cols: None },
        "in_proj_z.weight" => Reorder { rows: order(dims.value_dim, 0), cols: None },
        "in_proj_a.weight" | "in_proj_b.weight" => Reorder { rows: order(1, 0), cols: None },
        // One value per head; as a vector it is a single row.
        "A_log" | "dt_bias" => Reorder { rows: None, cols: order(1, 0) },
        "out_proj.weight" => Reorder { rows: None, cols: order(dims.value_dim, 0) },
        _ => Reorder::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::HeadOrder;

    #[test]
    fn tiling_follows_the_rule_and_undoes_itself() {
        let tile = HeadOrder { key_heads: 16, per_key: 3, width: 4, offset: 10, to_tiled: true };
        let group = HeadOrder { to_tiled: false, ..tile };
        for (k, j) in [(0, 0), (5, 2), (15, 1)] {
            // Head k * r + j of Hugging Face moves to j * keys + k.
            assert_eq!(tile.source(10 + (j * 16 + k) * 4 + 1), 10 + (k * 3 + j) * 4 + 1);
        }
        for index in 0..10 + 48 * 4 {
            assert_eq!(tile.source(group.source(index)), index);
        }
    }
}

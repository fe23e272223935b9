//! Which items are asked where not all are, and in which order.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Item;

/// Where a cluster stands in the order that is the same for everybody.
fn place(item: &Item) -> [u8; 32] {
    Sha256::digest(item.cluster.as_deref().unwrap_or(&item.id).as_bytes()).into()
}

/// At most so many items, the same ones for everybody: clusters whole, in an order that has nothing to do with the
/// file's. More items are these and others, so that a longer run goes on where a shorter one ended.
pub fn chosen(items: Vec<Item>, most: Option<u32>) -> Vec<Item> {
    let most = most.map_or(usize::MAX, |most| most as usize);
    let mut clusters: BTreeMap<[u8; 32], Vec<Item>> = BTreeMap::new();
    for item in items {
        clusters.entry(place(&item)).or_default().push(item);
    }
    let mut kept = Vec::new();
    for cluster in clusters.into_values() {
        if kept.len() >= most {
            break;
        }
        kept.extend(cluster);
    }
    kept.truncate(most);
    kept
}

/// The items of device `number` of `of`, counted from one: clusters whole, each on one device.
pub fn share(items: Vec<Item>, number: u32, of: u32) -> Vec<Item> {
    let (number, of) = (u64::from(number), u64::from(of.max(1)));
    let mine = |item: &Item| {
        let [a, b, c, d, e, f, g, h, ..] = place(item);
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) % of == (number - 1) % of
    };
    items.into_iter().filter(mine).collect()
}

//! Which matrices of a model get how many bits in an MLX repository.

use crate::WeightError;
use crate::format::Format;
use crate::placement::role_of;
use crate::shapes::Role;

/// A general width, and perhaps a higher one for the matrices that suffer most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlxRecipe {
    general: Format,
    high: Option<Format>,
    high_table: bool,
}

impl MlxRecipe {
    /// Every matrix of the language model at one width.
    pub fn uniform(bits: u8, group: u16) -> Result<Self, WeightError> {
        Ok(Self { general: affine(bits, group)?, high: None, high_table: false })
    }

    /// A mixed recipe by the name converters give it, such as `mixed_3_6`: the second width goes to the value
    /// and down projections of the first and last eighth of layers and of every third between, and to the
    /// head; three of the names also raise the token table.
    pub fn mixed(name: &str, group: u16) -> Result<Self, WeightError> {
        let (low, high, high_table) = match name {
            "mixed_2_6" => (2, 6, false),
            "mixed_3_4" => (3, 4, false),
            "mixed_3_6" => (3, 6, false),
            "mixed_4_6" => (4, 6, false),
            "mixed_3_5" => (3, 5, true),
            "mixed_3_8" => (3, 8, true),
            "mixed_4_8" => (4, 8, true),
            _ => {
                let known = "mixed_2_6, mixed_3_4, mixed_3_5, mixed_3_6, mixed_3_8, mixed_4_6, mixed_4_8";
                return Err(WeightError::Recipe(format!("`{name}` is none of {known}")));
            }
        };
        Ok(Self { general: affine(low, group)?, high: Some(affine(high, group)?), high_table })
    }

    /// The format for modules that say nothing of their own.
    pub(crate) fn general(&self) -> Format {
        self.general
    }

    /// The format of one tensor, or nothing when it stays a float.
    pub(crate) fn format_of(&self, name: &str, shape: &[usize], layers: usize) -> Option<Format> {
        let cols = shape.last().copied().unwrap_or(0);
        let wanted = match role_of(name, shape) {
            Role::Router => Format::Affine { bits: 8, group: 64 },
            Role::Table if name == "lm_head.weight" || self.high_table => self.high.unwrap_or(self.general),
            Role::Matrix if name.contains("v_proj") || name.contains("down_proj") => {
                self.high.filter(|_| wants_more_bits(name, layers)).unwrap_or(self.general)
            }
            Role::Table | Role::Matrix => self.general,
            _ => return None,
        };
        cols.is_multiple_of(wanted.block_elements()).then_some(wanted)
    }
}

fn affine(bits: u8, group: u16) -> Result<Format, WeightError> {
    Format::affine(bits, group).ok_or_else(|| {
        WeightError::Recipe(format!(
            "{bits} bits in groups of {group}; bits are 2-6 or 8, groups 32, 64 or 128"
        ))
    })
}

fn wants_more_bits(name: &str, layers: usize) -> bool {
    let Some(rest) = name.strip_prefix("language_model.layers.") else { return false };
    let Some(layer) = rest.split('.').next().and_then(|n| n.parse::<usize>().ok()) else { return false };
    let eighth = layers / 8;
    layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2
}

#[cfg(test)]
mod tests {
    use super::MlxRecipe;
    use crate::format::Format;

    #[test]
    fn mixed_recipes_raise_what_they_should() {
        let recipe = MlxRecipe::mixed("mixed_3_6", 64).unwrap();
        let bits = |name: &str| match recipe.format_of(name, &[128, 128], 24) {
            Some(Format::Affine { bits, .. }) => bits,
            _ => 0,
        };
        let down = |layer: usize| bits(&format!("language_model.layers.{layer}.mlp.down_proj.weight"));
        let high: Vec<usize> = (0..24).filter(|layer| down(*layer) == 6).collect();
        assert_eq!(high, [0, 1, 2, 5, 8, 11, 14, 17, 20, 21, 22, 23]);
        assert_eq!(bits("language_model.layers.3.self_attn.v_proj.weight"), 3);
        assert_eq!(bits("language_model.layers.0.linear_attn.in_proj_qkv.weight"), 3);
        assert_eq!(bits("lm_head.weight"), 6);
        assert_eq!(bits("language_model.embed_tokens.weight"), 3);
        assert_eq!(bits("language_model.layers.0.mlp.gate.weight"), 8);
        assert_eq!(bits("visual.blocks.0.attn.qkv.weight"), 0);
        assert_eq!(recipe.format_of("lm_head.weight", &[128, 96], 24), None, "a row of no whole groups");
        assert!(MlxRecipe::mixed("mixed_9_9", 64).is_err());
        assert!(MlxRecipe::uniform(7, 64).is_err());
    }
}

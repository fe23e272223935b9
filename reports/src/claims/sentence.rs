//! One sentence about a claim for a reader of news, made of what was found and of nothing else.

use crate::verdict::{Leaning, Verdict};

use super::part::Part;

pub(super) fn headline(verdict: Verdict, leaning: Option<Leaning>, parts: &[Part]) -> String {
    let find = |wanted: &dyn Fn(&Part) -> bool| parts.iter().find(|part| wanted(part));
    match verdict {
        Verdict::Holds | Verdict::Fails => {
            let part = find(&|part| part.verdict == verdict && part.finding.is_some());
            let (finding, stated) = part.map_or(("All tests were made", ""), |part| {
                (part.finding.as_deref().unwrap_or_default(), part.stated.as_str())
            });
            format!("{finding}: the claim{stated} {}.", verdict.word())
        }
        Verdict::CannotTell => {
            if let Some(leaning) = leaning
                && let Some(part) = find(&|part| part.leaning == Some(leaning) && part.pointer.is_some())
            {
                let stated = &part.stated;
                let says = match leaning {
                    Leaning::Indicated => format!("the claim{stated} is indicated, not confirmed"),
                    Leaning::Contradicted => format!("the claim{stated} is contradicted, not refuted"),
                    Leaning::Unclear => format!("this points both ways on the claim{stated}, or nowhere"),
                };
                return format!("{}: {says}.", part.pointer.as_deref().unwrap_or_default());
            }
            if let Some(part) = find(&|part| part.verdict == Verdict::CannotTell && part.finding.is_some()) {
                let finding = part.finding.as_deref().unwrap_or_default();
                return format!("{finding}: that is too little to tell about the claim{}.", part.stated);
            }
            if let Some(part) = find(&|part| part.pointer.is_some()) {
                let pointer = part.pointer.as_deref().unwrap_or_default();
                return format!("{pointer}: that alone cannot tell about the claim{}.", part.stated);
            }
            match find(&|part| part.waits_for_suite) {
                Some(part) if parts.iter().all(|part| part.waits_for_suite) => {
                    part.why.first().cloned().unwrap_or_default()
                }
                _ => "Nothing that was measured here matches the claim's conditions: cannot tell.".to_owned(),
            }
        }
    }
}

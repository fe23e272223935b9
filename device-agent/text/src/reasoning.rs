//! The reasoning block of an output: where it ends, and how it is closed when its budget is spent.

pub(crate) const OPEN: &str = "<think>";
pub(crate) const CLOSE: &str = "</think>";

/// An output split into what the model thought and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// `None` where there was no reasoning block.
    pub reasoning: Option<String>,
    pub answer: String,
    /// The reasoning block was never closed: there is no answer, only a truncated thought.
    pub unfinished: bool,
}

/// Splits an output at the end of its reasoning block.
///
/// `inside` says that the prompt already opened the block, as templates do when thinking is on. Only the first
/// closing tag counts: an answer may speak about the tags.
pub fn split_reasoning(output: &str, inside: bool) -> Reply {
    let body = match output.trim_start().strip_prefix(OPEN) {
        Some(rest) => rest,
        None if inside => output,
        None => return Reply { reasoning: None, answer: output.to_owned(), unfinished: false },
    };
    match body.split_once(CLOSE) {
        Some((thought, answer)) => Reply {
            reasoning: Some(thought.trim().to_owned()),
            answer: answer.trim_start_matches('\n').to_owned(),
            unfinished: false,
        },
        None => Reply { reasoning: Some(body.trim().to_owned()), answer: String::new(), unfinished: true },
    }
}

/// Whether text that goes on from here is inside a reasoning block.
pub(crate) fn ends_inside_thinking(prompt: &str) -> bool {
    match (prompt.rfind(OPEN), prompt.rfind(CLOSE)) {
        (Some(open), Some(close)) => open > close && prompt[open + OPEN.len()..].trim().is_empty(),
        (Some(open), None) => prompt[open + OPEN.len()..].trim().is_empty(),
        _ => false,
    }
}

/// Counts the tokens of a reasoning block and says which ids to force once the budget is spent.
#[derive(Debug, Clone)]
pub struct ThinkingBudget {
    budget: u32,
    used: u32,
    inside: bool,
    open: Option<u32>,
    close: u32,
    forced: Vec<u32>,
    next_forced: usize,
    cut: bool,
}

impl ThinkingBudget {
    /// `forced` is what closes the block, usually the ids of a newline, `</think>` and two newlines; it must hold
    /// `close`, the id of the closing tag. `inside` as for [`split_reasoning`].
    pub fn new(budget: u32, inside: bool, open: Option<u32>, close: u32, forced: Vec<u32>) -> Self {
        Self { budget, used: 0, inside, open, close, forced, next_forced: 0, cut: false }
    }

    /// The id that must come next, where the model has no say any more. Ask before every sampled token.
    pub fn force(&mut self) -> Option<u32> {
        if self.inside && !self.cut && self.used >= self.budget && !self.forced.is_empty() {
            self.cut = true;
        }
        let id = *self.forced.get(self.next_forced).filter(|_| self.cut)?;
        self.next_forced += 1;
        Some(id)
    }

    /// Tells what was generated, forced ids too.
    pub fn accept(&mut self, id: u32) {
        if id == self.close {
            self.inside = false;
        } else if Some(id) == self.open && !self.cut {
            self.inside = true;
        } else if self.inside {
            self.used += 1;
        }
    }

    /// Whether the block was closed by force.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    pub fn used(&self) -> u32 {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_the_prompt_opened_the_block() {
        let reply = split_reasoning("two and two\n</think>\n\n4 </think>", true);
        assert_eq!(reply.reasoning.as_deref(), Some("two and two"));
        assert_eq!(reply.answer, "4 </think>");
        assert!(!reply.unfinished);
    }

    #[test]
    fn an_open_end_is_no_answer() {
        let reply = split_reasoning("so I was thinking", true);
        assert_eq!(reply.answer, "");
        assert!(reply.unfinished);
    }

    #[test]
    fn without_a_block_all_is_answer() {
        let reply = split_reasoning("a </think> b", false);
        assert_eq!((reply.reasoning, reply.answer.as_str()), (None, "a </think> b"));
        let reply = split_reasoning("\n<think>x</think>y", false);
        assert_eq!((reply.reasoning.as_deref(), reply.answer.as_str()), (Some("x"), "y"));
    }

    #[test]
    fn knows_an_open_prompt() {
        assert!(ends_inside_thinking("<|im_start|>assistant\n<think>\n"));
        assert!(!ends_inside_thinking("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
        assert!(!ends_inside_thinking("say <think> for me<|im_end|>\n<|im_start|>assistant\n"));
        assert!(!ends_inside_thinking("hello"));
    }

    fn run(budget: &mut ThinkingBudget, model: &[u32], length: usize) -> Vec<u32> {
        let mut model = model.iter();
        let mut out = Vec::new();
        while out.len() < length {
            let Some(id) = budget.force().or_else(|| model.next().copied()) else { break };
            budget.accept(id);
            out.push(id);
        }
        out
    }

    #[test]
    fn closes_the_block_once_and_then_lets_go() {
        let mut budget = ThinkingBudget::new(3, true, Some(90), 91, vec![10, 91, 11]);
        let out = run(&mut budget, &[1, 2, 3, 4, 5, 6, 7], 9);
        assert_eq!(out, [1, 2, 3, 10, 91, 11, 4, 5, 6]);
        assert!(budget.was_cut());
    }

    #[test]
    fn a_model_that_stops_in_time_is_left_alone() {
        let mut budget = ThinkingBudget::new(3, true, Some(90), 91, vec![91]);
        assert_eq!(run(&mut budget, &[1, 2, 91, 4, 5, 6, 7], 7), [1, 2, 91, 4, 5, 6, 7]);
        assert!(!budget.was_cut());
        assert_eq!(budget.used(), 2);
    }

    #[test]
    fn a_block_that_the_model_opens_itself_is_counted() {
        let mut budget = ThinkingBudget::new(1, false, Some(90), 91, vec![91]);
        assert_eq!(run(&mut budget, &[5, 90, 1, 2, 3], 6), [5, 90, 1, 91, 2, 3]);
    }

    #[test]
    fn a_budget_of_nothing_closes_at_once() {
        let mut budget = ThinkingBudget::new(0, true, Some(90), 91, vec![91]);
        assert_eq!(run(&mut budget, &[1, 2], 3), [91, 1, 2]);
    }
}

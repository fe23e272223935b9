//! Small boolean expressions over named bits. Half of the answers are yes.

use super::draw::Draw;
use super::item::{Draft, yes_no};

const NAMES: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

#[derive(Debug, Clone, Copy)]
enum Operator {
    And,
    Or,
    Xor,
}

impl Operator {
    const ALL: [Self; 3] = [Self::And, Self::Or, Self::Xor];

    const fn word(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Xor => "xor",
        }
    }

    const fn apply(self, left: bool, right: bool) -> bool {
        match self {
            Self::And => left && right,
            Self::Or => left || right,
            Self::Xor => left != right,
        }
    }
}

/// An expression: a named bit, or two expressions joined; either may be negated.
#[derive(Debug)]
enum Node {
    Bit { name: char, value: bool, negated: bool },
    Join { operator: Operator, left: Box<Self>, right: Box<Self> },
}

const fn operators(level: u32) -> u32 {
    match level {
        1 => 1,
        2 => 2,
        3 => 3,
        4 => 5,
        _ => 8,
    }
}

pub(super) fn draft(level: u32, draw: &mut Draw) -> Draft {
    let wanted = draw.coin();
    loop {
        let count = operators(level);
        let mut names = draw.distinct(NAMES, count as usize + 1).into_iter().map(char::from).collect();
        let tree = grow(count, level > 1, &mut names, draw);
        let mut given = Vec::new();
        tree.name_bits(&mut given);
        let mut steps = Vec::new();
        if tree.solve(&mut steps) == wanted {
            draw.shuffle(&mut given);
            let prompt = format!("{}. {}?", given.join(" "), tree.write(true));
            return Draft::text(prompt, yes_no(wanted), steps.join(";")).yes_no();
        }
    }
}

fn grow(operators: u32, may_negate: bool, names: &mut Vec<char>, draw: &mut Draw) -> Node {
    if operators == 0 {
        let name = names.pop().expect("one name was drawn for every bit");
        return Node::Bit { name, value: draw.coin(), negated: may_negate && draw.below(3) == 0 };
    }
    let left = draw.below(operators);
    Node::Join {
        operator: draw.pick(&Operator::ALL),
        left: Box::new(grow(left, may_negate, names, draw)),
        right: Box::new(grow(operators - 1 - left, may_negate, names, draw)),
    }
}

impl Node {
    fn name_bits(&self, given: &mut Vec<String>) {
        match self {
            Self::Bit { name, value, .. } => given.push(format!("{name}={}", u8::from(*value))),
            Self::Join { left, right, .. } => {
                left.name_bits(given);
                right.name_bits(given);
            }
        }
    }

    fn write(&self, outermost: bool) -> String {
        match self {
            Self::Bit { name, negated: false, .. } => name.to_string(),
            Self::Bit { name, negated: true, .. } => format!("not {name}"),
            Self::Join { operator, left, right } => {
                let inner = format!("{} {} {}", left.write(false), operator.word(), right.write(false));
                if outermost { inner } else { format!("({inner})") }
            }
        }
    }

    fn solve(&self, steps: &mut Vec<String>) -> bool {
        match self {
            Self::Bit { value, negated, .. } => *value != *negated,
            Self::Join { operator, left, right } => {
                let (a, b) = (left.solve(steps), right.solve(steps));
                let truth = operator.apply(a, b);
                steps.push(format!(
                    "{} {} {}={}",
                    u8::from(a),
                    operator.word(),
                    u8::from(b),
                    u8::from(truth)
                ));
                truth
            }
        }
    }
}

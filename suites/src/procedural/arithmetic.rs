//! Sums, differences and products of graded width. The rationale goes column by column from the right.

use super::draw::Draw;
use super::item::Draft;
use super::task::Task;

/// Digits of the two operands of a sum or difference.
const fn widths(level: u32) -> (u32, u32) {
    match level {
        1 => (1, 1),
        2 => (2, 1),
        3 => (2, 2),
        4 => (3, 3),
        5 => (5, 5),
        _ => (8, 8),
    }
}

fn number(digits: u32, draw: &mut Draw) -> u32 {
    if digits == 1 { draw.below(10) } else { draw.between(10_u32.pow(digits - 1), 10_u32.pow(digits) - 1) }
}

fn digit(value: u32, column: u32) -> u32 {
    value / 10_u32.pow(column) % 10
}

fn columns(value: u32) -> u32 {
    value.checked_ilog10().unwrap_or(0) + 1
}

pub(super) fn chance(task: Task, level: u32) -> f64 {
    match (task, level) {
        (Task::Add, 1) => 10.0 / 100.0,
        (Task::Add, 2 | 3) | (Task::Subtract, 2) => 1.0 / 90.0,
        // Of the 55 ordered pairs of digits ten are equal; of the 4095 of two digits, ninety.
        (Task::Subtract, 1) => 10.0 / 55.0,
        (Task::Subtract, 3) => 90.0 / 4095.0,
        // 6, 8, 12, 18 and 24 each come from four of the 81 pairs.
        (Task::Multiply, 1) => 4.0 / 81.0,
        (Task::Multiply, 2) => 5.0 / 720.0,
        _ => 0.0,
    }
}

pub(super) fn add(level: u32, draw: &mut Draw) -> Draft {
    let (wide, narrow) = widths(level);
    let (left, right) = (number(wide, draw), number(narrow, draw));
    let mut steps = Vec::new();
    let mut carry = 0;
    for column in 0..columns(left.max(right)) {
        let (a, b) = (digit(left, column), digit(right, column));
        let sum = a + b + carry;
        steps.push(if carry == 0 { format!("{a}+{b}={sum}") } else { format!("{a}+{b}+1={sum}") });
        carry = sum / 10;
    }
    Draft::text(format!("{left}+{right}="), (left + right).to_string(), steps.join(";"))
}

pub(super) fn subtract(level: u32, draw: &mut Draw) -> Draft {
    let (wide, narrow) = widths(level);
    let (left, right) = loop {
        let (left, right) = (number(wide, draw), number(narrow, draw));
        if left >= right {
            break (left, right);
        }
    };
    let mut steps = Vec::new();
    let mut borrowed = 0;
    for column in 0..columns(left) {
        let (a, b) = (digit(left, column), digit(right, column));
        // A column that falls short takes ten from its neighbour, written as a leading one.
        let lend = u32::from(a < b + borrowed);
        let rest = a + 10 * lend - b - borrowed;
        let top = a + 10 * lend;
        steps.push(if borrowed == 0 { format!("{top}-{b}={rest}") } else { format!("{top}-{b}-1={rest}") });
        borrowed = lend;
    }
    Draft::text(format!("{left}-{right}="), (left - right).to_string(), steps.join(";"))
}

pub(super) fn multiply(level: u32, draw: &mut Draw) -> Draft {
    let (left, right) = match level {
        1 => (draw.between(1, 9), draw.between(1, 9)),
        2 => (draw.between(10, 99), draw.between(2, 9)),
        3 => (draw.between(10, 99), draw.between(10, 99)),
        _ => (draw.between(1000, 9999), draw.between(100, 999)),
    };
    let product = left * right;
    let rationale =
        if columns(right) == 1 { single_digit_steps(left, right) } else { partial_products(left, right) };
    Draft::text(format!("{left}*{right}="), product.to_string(), rationale)
}

fn single_digit_steps(left: u32, right: u32) -> String {
    let mut steps = Vec::new();
    let mut carry = 0;
    for column in 0..columns(left) {
        let a = digit(left, column);
        let value = a * right + carry;
        let with = if carry == 0 { String::new() } else { format!("+{carry}") };
        steps.push(format!("{a}*{right}{with}={value}"));
        carry = value / 10;
    }
    steps.join(";")
}

fn partial_products(left: u32, right: u32) -> String {
    let mut steps = Vec::new();
    let mut total = 0;
    for column in 0..columns(right) {
        let part = left * digit(right, column);
        steps.push(format!("{left}*{}={part}", digit(right, column)));
        let shifted = part * 10_u32.pow(column);
        if column > 0 {
            steps.push(format!("{total}+{shifted}={}", total + shifted));
        }
        total += shifted;
    }
    steps.join(";")
}

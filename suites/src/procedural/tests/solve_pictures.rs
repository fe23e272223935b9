//! Answers of the picture tasks, from the prompt and the pixels.

use super::super::glyphs::{DRAWABLE, rows};
use super::super::item::{Image, Item, yes_no};
use super::pixels::{Area, areas, background, pixel};

fn picture(item: &Item) -> &Image {
    item.image.as_ref().expect("a picture task has a picture")
}

/// Shapes on one of the three greys, which are told from colours by equal parts.
fn shapes(item: &Item) -> Vec<Area> {
    let image = picture(item);
    let grey = image.rgb.chunks_exact(3).find(|rgb| rgb[0] == rgb[1] && rgb[1] == rgb[2]).unwrap();
    areas(image, grey.try_into().unwrap())
}

pub(super) fn count(item: &Item) -> String {
    let asked: Vec<&str> = item.prompt.trim_end_matches('?').split(' ').skip(2).collect();
    let counts = |area: &&Area| match asked[..] {
        ["shapes"] => true,
        [colour] => area.colour() == colour,
        [colour, kinds] => area.colour() == colour && area.shape() == kinds.trim_end_matches('s'),
        _ => panic!("cannot read {}", item.prompt),
    };
    shapes(item).iter().filter(counts).count().to_string()
}

pub(super) fn compare(item: &Item) -> String {
    let (question, named) = item.prompt.trim_end_matches('?').split_once(", ").unwrap();
    let (first, second) = named.split_once(" or ").unwrap();
    let size = |colour: &str| {
        let areas = shapes(item);
        let own = areas.iter().filter(|area| area.colour() == colour);
        if question == "Which is bigger" { own.map(Area::extent).sum() } else { own.count() as u32 }
    };
    let (a, b) = (size(first), size(second));
    assert_ne!(a, b, "{}", item.id);
    if a > b { first } else { second }.to_owned()
}

pub(super) fn read(item: &Item) -> String {
    let image = picture(item);
    let paper = background(image);
    let ink = |x: u32, y: u32| x < image.width && y < image.height && pixel(image, x, y) != paper;
    let inked: Vec<(u32, u32)> = (0..image.height)
        .flat_map(|y| (0..image.width).map(move |x| (x, y)))
        .filter(|&(x, y)| ink(x, y))
        .collect();
    // Every symbol has ink in its first and last row, so the height gives the scale.
    let (top, bottom) = (inked[0].1, inked[inked.len() - 1].1);
    let left = inked.iter().map(|&(x, _)| x).min().unwrap();
    let right = inked.iter().map(|&(x, _)| x).max().unwrap();
    let scale = (bottom - top + 1) / 7;
    // The first symbol may leave its first columns blank.
    let readings: Vec<String> = (0..3)
        .filter_map(|blank| {
            let start = left.checked_sub(blank * scale)?;
            (0..)
                .map(|place| start + place * 6 * scale)
                .take_while(|&x| x <= right)
                .map(|x| symbol(x, top, scale, &ink))
                .collect()
        })
        .collect();
    assert_eq!(readings.len(), 1, "{} can be read as {readings:?}", item.id);
    readings[0].clone()
}

fn symbol(left: u32, top: u32, scale: u32, ink: &impl Fn(u32, u32) -> bool) -> Option<char> {
    DRAWABLE.chars().find(|&symbol| {
        rows(symbol).iter().zip(0..).all(|(cells, row)| {
            cells.bytes().zip(0..).all(|(cell, column)| {
                ink(left + column * scale + scale / 2, top + row * scale + scale / 2) == (cell == b'#')
            })
        })
    })
}

pub(super) fn bars(item: &Item) -> String {
    let image = picture(item);
    let floor = image.height - 4;
    let tallest = if item.level <= 3 { 5 } else { 9 };
    let unit = (image.height - 8) / tallest;
    let is_bar = |x: u32, y: u32| {
        let [r, g, b] = pixel(image, x, y);
        r != g || g != b
    };
    let mut heights = Vec::new();
    for x in 0..image.width {
        if is_bar(x, floor - 1) && (x == 0 || !is_bar(x - 1, floor - 1)) {
            let pixels = (0..floor).rev().take_while(|&y| is_bar(x, y)).count() as u32;
            assert_eq!(pixels % unit, 0, "a bar ends between lines in {}", item.id);
            heights.push(pixels / unit);
        }
    }
    if let Some(asked) = item.prompt.strip_prefix("How high is bar ") {
        let place: usize = asked.trim_end_matches('?').parse().unwrap();
        return heights[place - 1].to_string();
    }
    let top = heights.iter().max().unwrap();
    assert_eq!(heights.iter().filter(|height| *height == top).count(), 1, "two highest bars in {}", item.id);
    (heights.iter().position(|height| height == top).unwrap() + 1).to_string()
}

pub(super) fn spatial(item: &Item) -> String {
    let words: Vec<&str> =
        item.prompt.trim_end_matches('?').split(' ').filter(|w| *w != "the" && *w != "of").collect();
    let at = words.iter().position(|w| ["left", "right", "above", "below"].contains(w)).unwrap();
    let areas = shapes(item);
    let find = |name: &[&str]| {
        let matches = |area: &&Area| match name {
            [colour] => area.colour() == *colour,
            [colour, shape] => area.colour() == *colour && area.shape() == *shape,
            _ => panic!("cannot read {}", item.prompt),
        };
        let found: Vec<&Area> = areas.iter().filter(matches).collect();
        assert_eq!(found.len(), 1, "{name:?} must be one thing in {}", item.id);
        (found[0].left + found[0].right, found[0].top + found[0].bottom)
    };
    let (subject, object) = (find(&words[1..at]), find(&words[at + 1..]));
    let truth = match words[at] {
        "left" => subject.0 < object.0,
        "right" => subject.0 > object.0,
        "above" => subject.1 < object.1,
        _ => subject.1 > object.1,
    };
    yes_no(truth).to_owned()
}

pub(super) fn maze(item: &Item) -> String {
    let image = picture(item);
    let side = [3, 4, 6, 8][item.level as usize - 1];
    let cell = image.width / side;
    let open = |column: u32, row: u32| {
        let [r, g, b] = pixel(image, column * cell + cell / 2, row * cell + cell / 2);
        r > 190 || b > 190 || (g > 150 && r < 50)
    };
    // Reachability by sweeping until nothing changes: slower than a search, and not the same code.
    let mut reached = vec![vec![false; side as usize]; side as usize];
    reached[0][0] = true;
    loop {
        let before = reached.clone();
        for row in 0..side as usize {
            for column in 0..side as usize {
                let beside = (column > 0 && before[row][column - 1])
                    || (row > 0 && before[row - 1][column])
                    || before[row].get(column + 1).is_some_and(|&near| near)
                    || before.get(row + 1).is_some_and(|line| line[column]);
                reached[row][column] |= beside && open(column as u32, row as u32);
            }
        }
        if reached == before {
            break;
        }
    }
    let way_out = reached[side as usize - 1][side as usize - 1];
    if way_out {
        walk(item, side, &open);
    }
    yes_no(way_out).to_owned()
}

/// The rationale of a yes must itself lead through open cells to the last one.
fn walk(item: &Item, side: u32, open: &impl Fn(u32, u32) -> bool) {
    let (mut column, mut row) = (0_u32, 0_u32);
    for step in item.rationale.chars() {
        match step {
            'R' => column += 1,
            'L' => column -= 1,
            'D' => row += 1,
            _ => row -= 1,
        }
        assert!(open(column, row), "{} walks into a wall", item.id);
    }
    assert_eq!((column, row), (side - 1, side - 1), "{}", item.id);
}

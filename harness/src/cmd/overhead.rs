//! `dyno overhead`: what measuring costs on this machine, now.

use anyhow::Context;
use dyno_reports::stats::paired_ratio;

use crate::args::OverheadArgs;
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &OverheadArgs, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    anyhow::ensure!(args.pairs >= 2, "an interval needs 2 pairs or more");
    anyhow::ensure!(
        args.token_ms > 0.0 && args.token_ms <= 1000.0,
        "a token takes more than 0 and at most 1000 ms"
    );
    screen.say(&format!("{} pairs of loops, one bare and one measured, in turn", args.pairs));
    let token_ns = (args.token_ms * 1e6) as u64;
    let pairs = dyno_agent::overhead::measure(args.pairs, token_ns, &crate::folders::agent_state())?;
    let timed: Vec<(u32, f64, f64)> =
        pairs.iter().map(|pair| (0, pair.bare_ns as f64, pair.measured_ns as f64)).collect();
    let ratio = paired_ratio(&timed).context("no pair was measured")?;
    let (low, high) = ratio.interval.context("the pairs carry no interval")?;
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    let (cost, low, high) = (percent(ratio.ratio), percent(low), percent(high));
    let ratios: Vec<f64> = pairs.iter().map(dyno_agent::overhead::Pair::ratio).collect();
    if args.json {
        let shown = serde_json::json!({
            "pairs": ratios.len(), "token_ms": args.token_ms, "ratios": ratios,
            "cost_percent": cost, "interval_percent": [low, high],
        });
        screen.result(&serde_json::to_string_pretty(&shown)?)?;
    } else {
        screen.result(&format!(
            "measuring costs {cost:+.3} % of a token of {} ms (95 % interval {low:+.3} to {high:+.3} %, {} pairs)",
            args.token_ms,
            ratios.len()
        ))?;
    }
    Ok(Exit::Done)
}

//! `dyno overhead`: what measuring costs on this machine, now.

use dyno_reports::stats;

use crate::args::OverheadArgs;
use crate::exit::Exit;
use crate::screen::Screen;

pub(crate) fn run(args: &OverheadArgs, screen: &mut Screen<'_>) -> anyhow::Result<Exit> {
    anyhow::ensure!(args.pairs >= 2, "an interval needs 2 pairs or more");
    anyhow::ensure!(args.token_ms > 0.0 && args.token_ms <= 1000.0, "a token takes more than 0 and at most 1000 ms");
    screen.say(&format!("{} pairs of loops, one bare and one measured, in turn", args.pairs));
    let token_ns = (args.token_ms * 1e6) as u64;
    let pairs = dyno_agent::overhead::measure(args.pairs, token_ns, &crate::folders::agent_state())?;
    let ratios: Vec<f64> = pairs.iter().map(dyno_agent::overhead::Pair::ratio).collect();
    let (cost, low, high) = cost_percent(&ratios);
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

/// The mean paired ratio and its interval, on the scale on which ratios are symmetric.
fn cost_percent(ratios: &[f64]) -> (f64, f64, f64) {
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let (mean, half) = stats::mean_and_half_width(&logs);
    let percent = |log: f64| (log.exp() - 1.0) * 100.0;
    (percent(mean), percent(mean - half), percent(mean + half))
}

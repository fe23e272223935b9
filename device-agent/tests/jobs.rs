//! What a job does, seen in its records. Delays are tiny and nothing is asserted about how long anything took.
#![allow(clippy::unwrap_used, reason = "what tests share is a test")]

mod host;

use dyno_protocol::{
    FailureKind, Finish, LoadRegime, PassKind, Prompt, Record, RecordBody, RepeatRule, Sampling, ScriptFault,
    Step, StopRule, WarmUpRule, Workload,
};
use host::{Host, agent, ending, endless, generate, job, load, once, passes, prompt, script};

fn regimes(records: &[Record]) -> Vec<LoadRegime> {
    records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::Loaded(loaded) => Some(loaded.regime),
            _ => None,
        })
        .collect()
}

fn run(steps: Vec<Step>) -> Vec<Record> {
    let state = tempfile::tempdir().unwrap();
    Host::of(&agent(state.path())).run(job("job", steps))
}

#[test]
fn a_pass_is_stamped_from_the_prompt_to_the_last_token_in_order() {
    let records = run(vec![load(&[1, 2, 3], None), once(generate(prompt(), 100)), Step::Unload]);
    assert_eq!(ending(&records), None);
    assert!(matches!(records[0].body, RecordBody::Started { .. }));
    assert!(records.is_sorted_by_key(|record| record.at_ns));
    let pass = passes(&records)[0];
    assert_eq!(pass.token_ids.len(), 100);
    assert_eq!(pass.token_at_ns.len(), 100);
    assert_eq!(pass.token_ids[..4], [1, 2, 3, 1]);
    assert_eq!(pass.prefill.iter().map(|chunk| chunk.tokens).sum::<u32>(), pass.prompt_tokens);
    let mut stamps = vec![pass.begin_ns];
    stamps.extend(pass.prefill.iter().flat_map(|chunk| [chunk.begin_ns, chunk.end_ns]));
    stamps.extend(&pass.token_at_ns);
    stamps.push(pass.end_ns);
    assert!(stamps.is_sorted());
    assert_eq!((&pass.finish, pass.kind, pass.stamps_are_tokens), (&Finish::Length, PassKind::Timed, true));
    assert!(pass.memory.resident_bytes.value().is_some_and(|bytes| *bytes > 0));
    assert!(records.iter().any(|record| matches!(record.body, RecordBody::Unloaded { step: 2 })));
}

#[test]
fn warm_up_comes_first_is_marked_and_says_whether_it_settled() {
    let repeat = RepeatRule { min_passes: 3, max_passes: 3, ..RepeatRule::ONCE };
    let step = |agree_within| Step::Run {
        workload: generate(prompt(), 3),
        warm_up: WarmUpRule { min_passes: 2, max_passes: 4, agree_within },
        repeat,
    };
    for (agree_within, agrees, warm) in [(1.0, true, 2), (-1.0, false, 4)] {
        let records = run(vec![load(&[1], None), step(agree_within)]);
        let kinds: Vec<_> = passes(&records).iter().map(|pass| pass.kind).collect();
        let expected = [vec![PassKind::WarmUp; warm], vec![PassKind::Timed; 3]].concat();
        assert_eq!(kinds, expected);
        let numbers: Vec<_> = passes(&records).iter().map(|pass| pass.pass as usize).collect();
        assert_eq!(numbers, (0..warm + 3).collect::<Vec<_>>());
        let said = records.iter().find_map(|record| match record.body {
            RecordBody::WarmedUp { step, passes, agreed } => Some((step, passes as usize, agreed)),
            _ => None,
        });
        assert_eq!(said, Some((1, warm, agrees)));
    }
}

#[test]
fn passes_are_repeated_until_the_rule_is_met_and_no_further() {
    let step = |min_passes, max_passes, half_width, budget_ns| Step::Run {
        workload: generate(prompt(), 2),
        warm_up: WarmUpRule::NONE,
        repeat: RepeatRule { min_passes, max_passes, half_width, budget_ns },
    };
    let count = |step| passes(&run(vec![load(&[1], None), step])).len();
    assert_eq!(count(step(2, 50, 1e9, u64::MAX)), 2, "any spread is narrow enough");
    assert_eq!(count(step(2, 7, 0.0, u64::MAX)), 7, "no spread is narrow enough");
    assert_eq!(count(step(3, 50, 0.0, 0)), 3, "the budget is spent, the least is done");
    assert_eq!(count(step(0, 0, 0.0, 0)), 0);
}

#[test]
fn regimes_of_loads_are_told_apart_across_processes() {
    let state = tempfile::tempdir().unwrap();
    let agent_here = agent(state.path());
    let mut host = Host::of(&agent_here);
    let keep = |tokens: &[u32]| Step::Load { load: script(tokens, None), keep: true };
    let steps = vec![load(&[1], None), load(&[1], None), keep(&[1]), keep(&[2])];
    let records = host.run(job("first", steps));
    assert_eq!(
        regimes(&records),
        [LoadRegime::FirstEver, LoadRegime::Warm, LoadRegime::Kept, LoadRegime::FirstEver]
    );
    let of = |records: &[Record], at: usize| match &records
        .iter()
        .filter(|record| matches!(record.body, RecordBody::Loaded(_)))
        .nth(at)
        .unwrap()
        .body
    {
        RecordBody::Loaded(loaded) => (loaded.begin_ns, loaded.end_ns),
        _ => unreachable!(),
    };
    assert_eq!(
        of(&records, 1),
        of(&records, 2),
        "what is kept carries the stamps of the load that brought it"
    );
    drop((host, agent_here));
    // The line's thread may hold the old agent a moment longer; the new one waits for its state.
    let records = Host::of(&agent(state.path())).run(job("second", vec![load(&[1], None)]));
    assert_eq!(regimes(&records), [LoadRegime::Cold]);
}

#[test]
fn cancelling_stops_within_a_token() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    host.ask(dyno_protocol::Question::Submit(job("job", vec![load(&[1], None), endless(), endless()])))
        .unwrap();
    let id = dyno_protocol::JobId("job".into());
    host.ask(dyno_protocol::Question::Cancel { job: id }).unwrap();
    let records = host.follow("job", 0);
    assert_eq!(ending(&records), Some(FailureKind::Cancelled));
    // What was generated until then is kept, and the second pass never began.
    assert!(passes(&records).len() <= 1);
    assert!(passes(&records).iter().all(|pass| pass.finish == Finish::Cancelled));
}

#[test]
fn a_deadline_ends_a_job_and_keeps_what_was_measured() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut late = job("late", vec![load(&[1], None), once(generate(prompt(), 5)), endless()]);
    late.deadline_ns = 300_000_000;
    let records = Host::of(&agent).run(late);
    assert_eq!(ending(&records), Some(FailureKind::TimedOut));
    let seen = passes(&records);
    // On a machine too busy to get this far in time there is less to keep.
    assert!(seen.iter().all(|pass| matches!(pass.finish, Finish::Length | Finish::TimeUp)));
    let mut never = job("never", vec![load(&[1], None)]);
    never.deadline_ns = 0;
    assert_eq!(ending(&Host::of(&agent).run(never)), Some(FailureKind::TimedOut));
}

#[test]
fn an_engine_that_fails_ends_the_job_with_its_reason_and_the_agent_lives_on() {
    let state = tempfile::tempdir().unwrap();
    let agent = agent(state.path());
    let mut host = Host::of(&agent);
    let fault = Some(ScriptFault::FailAtToken { token: 15 });
    let steps =
        vec![load(&[1], fault), once(generate(prompt(), 10)), once(generate(prompt(), 10)), endless()];
    let records = host.run(job("fails", steps));
    assert_eq!(ending(&records), Some(FailureKind::Engine));
    assert_eq!(passes(&records).len(), 1, "the pass before the failure is whole");
    assert_eq!(ending(&host.run(job("next", vec![load(&[1], None), once(generate(prompt(), 3))]))), None);
}

#[test]
fn wrong_ids_are_reported_as_they_are() {
    let fault = Some(ScriptFault::WrongIdsFromToken { token: 3 });
    let records = run(vec![load(&[5], fault), once(generate(prompt(), 4))]);
    assert_eq!(passes(&records)[0].token_ids, [5, 5, 6, 6]);
    assert_eq!(ending(&records), None, "the host judges; the agent observes");
}

#[test]
fn a_prompt_that_is_not_what_it_says_is_not_run() {
    let mut torn = prompt();
    torn.ids.push(1);
    // Whole, but of other ids than this device makes of the text.
    let foreign = Prompt::new(Some("a prompt".into()), vec![1, 2, 3], Vec::new());
    for prompt in [torn, foreign] {
        for workload in [
            generate(prompt.clone(), 5),
            Workload::Score { prefix: prompt.clone(), continuations: vec![vec![1]] },
            Workload::Sustain { prompt, sampling: Sampling::GREEDY, stop: stop(5), duration_ns: 1_000_000 },
        ] {
            let records = run(vec![load(&[1], None), once(workload)]);
            assert_eq!(ending(&records), Some(FailureKind::PromptMismatch));
        }
    }
    let ids_alone = Prompt::new(None, vec![1, 2, 3], Vec::new());
    assert_eq!(ending(&run(vec![load(&[1], None), once(generate(ids_alone, 5))])), None);
}

fn stop(max_tokens: u32) -> StopRule {
    StopRule { max_tokens, ignore_end: true, stop_on_loop: false, thinking_budget: None }
}

#[test]
fn a_sustained_load_goes_on_until_its_time_is_over() {
    let workload = Workload::Sustain {
        prompt: prompt(),
        sampling: Sampling::GREEDY,
        stop: stop(20),
        duration_ns: 50_000_000,
    };
    let records = run(vec![load(&[1], None), once(workload)]);
    assert_eq!(ending(&records), None);
    let passes = passes(&records);
    assert!(!passes.is_empty());
    let (last, whole) = passes.split_last().unwrap();
    assert!(whole.iter().all(|pass| pass.finish == Finish::Length && pass.token_ids.len() == 20));
    assert!(matches!(last.finish, Finish::Length | Finish::TimeUp));
}

#[test]
fn scores_bandwidth_and_idling_are_recorded() {
    let score = Workload::Score { prefix: prompt(), continuations: vec![vec![1, 2], vec![3]] };
    let records = run(vec![
        load(&[1, 2], None),
        once(score),
        once(Workload::Bandwidth { bytes: 1 }),
        Step::Idle { duration_ns: 5_000_000 },
    ]);
    assert_eq!(ending(&records), None);
    let scored = records.iter().find_map(|record| match &record.body {
        RecordBody::Scoring(scored) => Some(scored),
        _ => None,
    });
    let lengths: Vec<_> = scored.unwrap().continuations.iter().map(|one| one.token_log_probs.len()).collect();
    assert_eq!(lengths, [2, 1]);
    let read = records.iter().find_map(|record| match record.body {
        RecordBody::Bandwidth(read) => Some(read),
        _ => None,
    });
    let read = read.unwrap();
    assert!(read.read_bytes >= 1 && read.threads >= 1 && read.begin_ns < read.end_ns);
}

#[test]
fn a_job_without_a_model_says_so() {
    assert_eq!(ending(&run(vec![once(generate(prompt(), 5))])), Some(FailureKind::Refused));
    let mut nobody = script(&[1], None);
    nobody.engine = "nobody".into();
    let records = run(vec![Step::Load { load: nobody, keep: false }]);
    let RecordBody::Ended { failure: Some(failure), .. } = &records.last().unwrap().body else { panic!() };
    assert!(failure.what.contains("`nobody`") && failure.what.contains("scripted"), "{failure}");
}

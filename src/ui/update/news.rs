//! What others did meanwhile: an engine that came or went, an operation that was asked for elsewhere.

use super::super::state::{Model, Said, Tone};
use crate::event::Position;
use crate::text::program;
use crate::workspace::{Asked, EngineInfo, Operation, ProjectionView, Snapshot};

/// Says what is new in a snapshot and was not done here. The newest is said; the log has all of it.
pub fn tell(model: &mut Model, next: &Snapshot) {
    let before = &model.snapshot;
    let asked = next.projections.iter().filter_map(|view| {
        let asked = view.asked.as_ref().filter(|asked| !asked.mine)?;
        let known = before.projections.iter().find(|b| b.name == view.name)?;
        let known = known.asked.as_ref();
        let told = known
            .is_some_and(|known| known.position >= asked.position && known.failed == asked.failed);
        // A picture may be older than the answer to what was asked for here after that.
        let mine = model.answered.as_ref();
        let older = mine.is_some_and(|(name, at)| *name == view.name && *at > asked.position);
        (!told && !older).then_some((view, asked))
    });
    let news = match engine(before.engine, next.engine, model.read_only) {
        Some(news) => Some(news),
        None => asked
            .max_by_key(|(_, asked)| asked.position)
            .map(|(view, asked)| {
                let came_to = match &asked.failed {
                    Some(why) => format!(" and failed: {why}"),
                    None => String::new(),
                };
                (Tone::Info, format!("{}{came_to}", request(view, asked)))
            }),
    };
    // Where somebody waits for what becomes of a command of their own, that stays.
    let waits = matches!(model.said, Some(Said::Ripple(_))) && before.engine.pid == next.engine.pid;
    if let Some((tone, text)) = news.filter(|_| !waits) {
        model.say(tone, text);
    }
}

/// What somebody else asked for after an operation of one's own at this position, where the later of the two is what
/// holds. The news of it may have come first: the answer must not write over it.
pub fn overtaken(
    model: &Model,
    projection: &str,
    operation: &Operation,
    mine: Position,
) -> Option<String> {
    let settles = matches!(
        operation,
        Operation::Pause
            | Operation::Resume
            | Operation::SetPolicy(_)
            | Operation::PauseRebuild
            | Operation::ResumeRebuild
    );
    let view = model.projection(projection).filter(|_| settles)?;
    let later = |asked: &&Asked| !asked.mine && asked.failed.is_none() && asked.position > mine;
    Some(request(view, view.asked.as_ref().filter(later)?))
}

fn request(view: &ProjectionView, asked: &Asked) -> String {
    format!(
        "{}: `{}` was asked for by {}",
        view.name, asked.what, asked.by
    )
}

fn engine(before: EngineInfo, next: EngineInfo, read_only: bool) -> Option<(Tone, String)> {
    let gone = before.pid.filter(|pid| next.pid != Some(*pid));
    match (gone, next.pid) {
        (Some(gone), None) if read_only => Some((
            Tone::Bad,
            format!(
                "the engine (process {gone}) is gone: what is stored is shown. Start one with `{program} run`, or \
                 open this without --read-only",
                program = program()
            ),
        )),
        (Some(gone), None) => Some((
            Tone::Bad,
            format!("the engine (process {gone}) is gone: this dashboard takes over"),
        )),
        (Some(gone), Some(_)) if next.here => Some((
            Tone::Good,
            format!("the engine (process {gone}) is gone: this dashboard has taken over"),
        )),
        (_, Some(now)) if before.pid != Some(now) && !next.here => {
            Some((Tone::Info, format!("process {now} runs the engine now")))
        }
        _ => None,
    }
}

//! The demo's load: started, stopped, made more and less.

use super::super::state::{Model, Tone};
use super::Effect;

/// The load's steps, in commands a second.
const STEPS: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0,
];

/// Starts it, or stops it.
pub fn turn(model: &mut Model) -> Vec<Effect> {
    let next = match model.load {
        Some(rate) if rate > 0.0 => {
            model.load_set = rate;
            0.0
        }
        _ => model.load_set,
    };
    set(model, next)
}

/// A step up, or down.
pub fn step(model: &mut Model, up: bool) -> Vec<Effect> {
    let now = model.load.unwrap_or_default();
    let next = if up {
        STEPS.iter().copied().find(|step| *step > now)
    } else {
        STEPS.iter().rev().copied().find(|step| *step < now)
    };
    set(model, next.unwrap_or(if up { now } else { 0.0 }))
}

/// Sets the load, in commands a second, and says so.
pub fn set(model: &mut Model, rate: f64) -> Vec<Effect> {
    model.load = Some(rate);
    let what = if rate > 0.0 {
        let commands = if (rate - 1.0).abs() < f64::EPSILON {
            "command"
        } else {
            "commands"
        };
        format!("load: {rate} {commands}/s")
    } else {
        "load: stopped".to_owned()
    };
    model.say(Tone::Info, what);
    vec![Effect::SetLoad(rate)]
}

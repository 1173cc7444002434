//! What an injected fault does: the live version is folded with a projection that is slower than its own, or
//! refuses an event. A version that is built beside it is spared.

use std::sync::{Arc, OnceLock};

use super::super::faults::{Faults, INJECTED, Poison};
use super::Owned;
use crate::event::{Event, Position};
use crate::read::{Blame, Hindered, OnError};

impl Owned<'_> {
    /// Folds the live version with or without faults from now on, as somebody wants it.
    pub(super) fn take_up_faults(&mut self) {
        let Some(faults) = &self.charge.faults else {
            return;
        };
        if let Some(changes) = &mut self.faults_changed {
            changes.mark_unchanged();
        }
        let plain = Arc::clone(&self.plain);
        let Some(injected) = faults.of(&self.charge.name) else {
            self.live.fold_with(plain);
            return;
        };
        let then = match self.projection.on_error() {
            OnError::Stop => "resume it",
            OnError::Park => "try again what is parked",
        };
        let name = self.charge.name.clone();
        let stalls = injected
            .stall
            .then(|| format!("{INJECTED}: it stalls until `:fault stop {name}`"));
        let poisoned = refusal(faults.clone(), name, injected.poison, then);
        // What is to blame for a stall is nothing that a try more would change: it is tried until it goes.
        let refuse = move |event: &Event| match &stalls {
            Some(why) => Some((why.clone(), Blame::System)),
            None => poisoned(event).map(|why| (why, Blame::Event)),
        };
        let stop = self.charge.stop.clone();
        let hindered = Hindered::new(plain, injected.slow, refuse, move || *stop.borrow());
        self.live.fold_with(Arc::new(hindered));
    }
}

/// Why an event is refused: it is the poisoned one, or, where none was met before, the first that fits.
fn refusal(
    faults: Faults,
    name: String,
    poison: Option<Poison>,
    then: &'static str,
) -> impl Fn(&Event) -> Option<String> {
    let met: OnceLock<Position> = OnceLock::new();
    move |event| {
        let poison = poison.as_ref()?;
        let is_it = match poison.position.or(met.get().copied()) {
            Some(position) => position == event.position,
            None => {
                let wanted = poison.event_type.as_deref();
                wanted.is_none_or(|wanted| wanted == event.event_type.as_str())
            }
        };
        if !is_it {
            return None;
        }
        faults.met(&name, *met.get_or_init(|| event.position));
        Some(format!("{INJECTED}: `:fault stop {name}`, then {then}"))
    }
}

//! The seven screens: their names, their numbers, and the context that their keys count in.

use super::action::Context;

/// One of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// Where every projection stands.
    #[default]
    Overview,
    /// The whole log.
    Events,
    /// One projection, in full.
    Projection,
    /// One aggregate, beside what the read models have of it.
    Stream,
    /// Read models as they were.
    Time,
    /// What is folded again, and what waits for a cutover.
    Rebuilds,
    /// The program's own messages.
    Log,
}

impl Screen {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Overview,
        Self::Events,
        Self::Projection,
        Self::Stream,
        Self::Time,
        Self::Rebuilds,
        Self::Log,
    ];

    /// Its name, as tabs and the manual write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Events => "Events",
            Self::Projection => "Projection",
            Self::Stream => "Stream",
            Self::Time => "Time",
            Self::Rebuilds => "Rebuilds",
            Self::Log => "Log",
        }
    }

    /// Its name where the dashboard is set: `overview`.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Events => "events",
            Self::Projection => "projection",
            Self::Stream => "stream",
            Self::Time => "time",
            Self::Rebuilds => "rebuilds",
            Self::Log => "log",
        }
    }

    /// Where its keys count.
    pub const fn context(self) -> Context {
        match self {
            Self::Overview => Context::Overview,
            Self::Events => Context::Events,
            Self::Projection => Context::Projection,
            Self::Stream => Context::Stream,
            Self::Time => Context::Time,
            Self::Rebuilds => Context::Rebuilds,
            Self::Log => Context::Log,
        }
    }

    /// The one that is so many further on, around the end.
    #[must_use]
    pub fn turned(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|screen| *screen == self);
        Self::ALL[(at.unwrap_or(0) + by) % Self::ALL.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_set_by_the_name_of_its_keys() {
        for screen in Screen::ALL {
            assert_eq!(screen.setting(), screen.context().name());
        }
    }

    #[test]
    fn turning_goes_around_and_back() {
        assert_eq!(Screen::Overview.turned(1), Screen::Events);
        assert_eq!(Screen::Log.turned(1), Screen::Overview);
        assert_eq!(Screen::Overview.turned(6), Screen::Log);
    }
}

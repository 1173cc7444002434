//! The panes of a screen: which of them has the keys, and whether it has the whole screen.

/// Which pane has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Panes {
    /// Its place.
    pub focus: usize,
    /// Whether it alone is shown.
    pub zoomed: bool,
}

impl Panes {
    /// Gives the keys to the next of so many panes, or to the one before.
    pub const fn turn(&mut self, count: usize, back: bool) {
        if count > 0 {
            let by = if back { count - 1 } else { 1 };
            self.focus = (self.focus + by) % count;
        }
    }
}

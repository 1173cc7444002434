//! Colours and glyphs, in one place: nothing else names a colour, and no state is said by colour alone.

use ratatui::style::{Color, Modifier, Style};

/// How things look: styles by what they mean, and the characters things are drawn with.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// Text that matters.
    pub(crate) text: Style,
    /// Text that is there when looked for.
    pub(crate) dim: Style,
    /// Lines between things.
    pub(crate) rule: Style,
    /// The one accent.
    pub(crate) accent: Style,
    /// Names of things in bold.
    pub(crate) strong: Style,
    /// All is well.
    pub(crate) good: Style,
    /// Late, but within reason.
    pub(crate) warn: Style,
    /// Somebody has to look.
    pub(crate) bad: Style,
    /// Held on purpose.
    pub(crate) held: Style,
    /// A line of what was, while it was within reason.
    pub(crate) trace: Style,
    /// What lies under something that is open.
    pub(crate) under: Style,
    /// What was, where it was too much.
    pub(crate) over: Style,
    /// Names of panels, and keys.
    pub(crate) title: Style,
    /// The chosen row of a list.
    pub(crate) chosen: Style,
    /// The name of a field in JSON.
    pub(crate) json_key: Style,
    /// A text in JSON.
    pub(crate) json_text: Style,
    /// A number in JSON.
    pub(crate) json_number: Style,
    /// `true`, `false` and `null`.
    pub(crate) json_literal: Style,
    /// What things are drawn with.
    pub(crate) glyphs: &'static Glyphs,
}

impl Default for Theme {
    fn default() -> Self {
        Self::colour()
    }
}

impl Theme {
    /// Colours of the 256 that nearly every terminal has, of middle lightness, so that they can be read
    /// on a dark and on a light background; text and background are the terminal's own.
    pub const fn colour() -> Self {
        const fn fg(index: u8) -> Style {
            Style::new().fg(Color::Indexed(index))
        }
        Self {
            text: Style::new(),
            dim: fg(245),
            rule: fg(240),
            accent: fg(38),
            strong: Style::new().add_modifier(Modifier::BOLD),
            good: fg(71),
            warn: fg(172),
            bad: fg(167).add_modifier(Modifier::BOLD),
            held: fg(104),
            trace: fg(67),
            over: fg(167),
            title: fg(38).add_modifier(Modifier::BOLD),
            under: fg(238).remove_modifier(Modifier::BOLD),
            chosen: fg(38).add_modifier(Modifier::BOLD),
            json_key: fg(68),
            json_text: fg(72),
            json_number: fg(137),
            json_literal: fg(133),
            glyphs: &UNICODE,
        }
    }

    /// No colour: bold, dim and reverse alone.
    pub const fn monochrome() -> Self {
        const PLAIN: Style = Style::new();
        const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
        const DIM: Style = Style::new().add_modifier(Modifier::DIM);
        Self {
            text: PLAIN,
            dim: DIM,
            rule: DIM,
            accent: BOLD,
            strong: BOLD,
            good: PLAIN,
            warn: BOLD,
            bad: Style::new().add_modifier(Modifier::REVERSED),
            held: PLAIN,
            trace: PLAIN,
            over: BOLD,
            title: BOLD,
            under: DIM.remove_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
            chosen: Style::new().add_modifier(Modifier::REVERSED),
            json_key: BOLD,
            json_text: PLAIN,
            json_number: PLAIN,
            json_literal: PLAIN,
            glyphs: &UNICODE,
        }
    }

    /// The same with characters that every terminal and font has.
    #[must_use]
    pub const fn ascii(mut self) -> Self {
        self.glyphs = &ASCII;
        self
    }

    /// Whether nothing but ASCII may be drawn.
    pub(crate) fn is_ascii(&self) -> bool {
        std::ptr::eq(self.glyphs, &raw const ASCII)
    }
}

/// The characters things are drawn with; each is one cell wide.
#[derive(Debug)]
pub struct Glyphs {
    pub live: &'static str,
    pub waiting: &'static str,
    pub catching_up: &'static str,
    pub falling: &'static str,
    pub stalled: &'static str,
    pub paused: &'static str,
    pub faulted: &'static str,
    pub dead: &'static str,
    pub ahead: &'static str,
    pub breach: &'static str,
    pub selected: &'static str,
    pub folded: &'static str,
    pub branch: &'static str,
    pub unfolded: &'static str,
    pub rebuild: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    pub done: &'static str,
    pub failed: &'static str,
    pub wave: &'static str,
    pub dot: &'static str,
    pub ellipsis: &'static str,
    pub at_least: &'static str,
    pub minus: &'static str,
    pub none: &'static str,
    pub differs: &'static str,
    pub becomes: &'static str,
    pub rule: &'static str,
    pub leader: &'static str,
    pub log_start: &'static str,
    pub log_end: &'static str,
    pub shade: &'static str,
    pub mark: &'static str,
    pub mark_selected: &'static str,
    pub mark_rebuild: &'static str,
    pub bar_full: &'static str,
    pub bar_empty: &'static str,
    pub limit: &'static str,
    /// From lowest to highest.
    pub levels: [&'static str; 7],
    /// Corners (top left, top right, bottom left, bottom right), across, down.
    pub frame: [&'static str; 6],
}

impl Glyphs {
    /// The mark beside the column that rows are sorted by.
    pub const fn order(&self, descending: bool) -> &'static str {
        if descending {
            self.falling
        } else {
            self.breach
        }
    }
}

static UNICODE: Glyphs = Glyphs {
    live: "●",
    waiting: "○",
    catching_up: "◐",
    falling: "▼",
    stalled: "■",
    paused: "‖",
    faulted: "✗",
    dead: "□",
    ahead: "◆",
    breach: "▲",
    selected: "▌",
    folded: "▸",
    branch: "└",
    unfolded: "▾",
    rebuild: "↻",
    yes: "●",
    no: "○",
    done: "✓",
    failed: "✗",
    wave: "≋",
    dot: "·",
    ellipsis: "…",
    at_least: "≥",
    minus: "−",
    none: "–",
    differs: "≠",
    becomes: "→",
    rule: "─",
    leader: "│",
    log_start: "├",
    log_end: "┤",
    shade: "░",
    mark: "●",
    mark_selected: "◆",
    mark_rebuild: "◇",
    bar_full: "━",
    bar_empty: "─",
    limit: "╌",
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇"],
    frame: ["╭", "╮", "╰", "╯", "─", "│"],
};

static ASCII: Glyphs = Glyphs {
    live: "*",
    waiting: "o",
    catching_up: ">",
    falling: "v",
    stalled: "#",
    paused: "=",
    faulted: "x",
    dead: "-",
    ahead: "^",
    breach: "!",
    selected: ">",
    folded: "+",
    branch: "`",
    unfolded: "-",
    rebuild: "@",
    yes: "*",
    no: ".",
    done: "+",
    failed: "x",
    wave: "~",
    dot: "-",
    ellipsis: "~",
    at_least: ">",
    minus: "-",
    none: "-",
    differs: "!",
    becomes: ">",
    rule: "-",
    leader: "|",
    log_start: "|",
    log_end: "|",
    shade: ":",
    mark: "o",
    mark_selected: "O",
    mark_rebuild: "@",
    bar_full: "#",
    bar_empty: ".",
    limit: "-",
    levels: ["_", ".", ":", "-", "=", "+", "#"],
    frame: ["+", "+", "+", "+", "-", "|"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monochrome_has_no_colour() {
        let t = Theme::monochrome();
        let all = [
            t.text,
            t.dim,
            t.rule,
            t.accent,
            t.strong,
            t.good,
            t.warn,
            t.bad,
            t.held,
            t.chosen,
            t.trace,
            t.under,
            t.over,
            t.title,
            t.json_key,
            t.json_text,
            t.json_number,
            t.json_literal,
        ];
        assert!(all.iter().all(|s| s.fg.is_none() && s.bg.is_none()));
    }

    #[test]
    fn ascii_is_ascii() {
        assert!(format!("{ASCII:?}").is_ascii());
    }
}

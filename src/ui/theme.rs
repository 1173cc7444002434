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
    /// The background, and the text on it, of a picture.
    pub(crate) paper: Paper,
    /// A background and a text that are painted over the terminal's own.
    pub(crate) painted: Option<(Color, Color)>,
}

/// A background and the text on it, as red, green and blue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paper {
    pub ground: (u8, u8, u8),
    pub text: (u8, u8, u8),
}

const DARK: Paper = Paper {
    ground: (0x12, 0x16, 0x1d),
    text: (0xd5, 0xda, 0xe2),
};

const LIGHT: Paper = Paper {
    ground: (0xfd, 0xfd, 0xfb),
    text: (0x1f, 0x23, 0x28),
};

const BLACK: Paper = Paper {
    ground: (0, 0, 0),
    text: (0xff, 0xff, 0xff),
};

/// The themes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeName {
    /// Dark or light, as the terminal tells; where it does not, colours that can be read on both.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// White and strong colours on black, whatever the terminal's own are; nothing is dimmed.
    HighContrast,
    /// No colour: bold, dim and reverse alone.
    Monochrome,
}

impl ThemeName {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Dark,
        Self::Light,
        Self::HighContrast,
        Self::Monochrome,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Monochrome => "monochrome",
        }
    }

    /// The theme; for `Auto` the one that can be read on every background.
    pub const fn theme(self) -> Theme {
        match self {
            Self::Auto => Theme::colour(),
            Self::Dark => Theme::dark(),
            Self::Light => Theme::light(),
            Self::HighContrast => Theme::high_contrast(),
            Self::Monochrome => Theme::monochrome(),
        }
    }
}

impl std::str::FromStr for ThemeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.name() == text);
        found.ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|name| name.name()).collect();
            format!(
                "there is no theme {text:?}: write one of {}",
                all.join(", ")
            )
        })
    }
}

impl std::fmt::Display for ThemeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
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
            paper: DARK,
            painted: None,
        }
    }

    /// For a dark background: brighter than [`Theme::colour`], which has to do for both.
    pub const fn dark() -> Self {
        const fn fg(index: u8) -> Style {
            Style::new().fg(Color::Indexed(index))
        }
        Self {
            dim: fg(248),
            rule: fg(242),
            accent: fg(80),
            good: fg(114),
            warn: fg(215),
            bad: fg(210).add_modifier(Modifier::BOLD),
            held: fg(147),
            trace: fg(110),
            over: fg(210),
            title: fg(80).add_modifier(Modifier::BOLD),
            chosen: fg(80).add_modifier(Modifier::BOLD),
            under: fg(239).remove_modifier(Modifier::BOLD),
            ..Self::colour()
        }
    }

    /// For a light background.
    pub const fn light() -> Self {
        const fn fg(index: u8) -> Style {
            Style::new().fg(Color::Indexed(index))
        }
        Self {
            dim: fg(241),
            rule: fg(246),
            accent: fg(24),
            good: fg(22),
            warn: fg(94),
            bad: fg(124).add_modifier(Modifier::BOLD),
            held: fg(60),
            trace: fg(24),
            over: fg(124),
            title: fg(24).add_modifier(Modifier::BOLD),
            chosen: fg(24).add_modifier(Modifier::BOLD),
            under: fg(249).remove_modifier(Modifier::BOLD),
            paper: LIGHT,
            ..Self::colour()
        }
    }

    /// White and strong colours on black, painted over whatever the terminal has.
    pub const fn high_contrast() -> Self {
        const fn fg(index: u8) -> Style {
            Style::new().fg(Color::Indexed(index))
        }
        Self {
            dim: fg(255),
            rule: fg(250),
            accent: fg(123),
            good: fg(120),
            warn: fg(227),
            bad: fg(217).add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
            held: fg(189),
            trace: fg(159),
            over: fg(217),
            title: fg(123).add_modifier(Modifier::BOLD),
            chosen: fg(123).add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
            under: fg(243).remove_modifier(
                Modifier::BOLD
                    .union(Modifier::REVERSED)
                    .union(Modifier::UNDERLINED),
            ),
            paper: BLACK,
            painted: Some((Color::Indexed(16), Color::Indexed(231))),
            ..Self::colour()
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
            paper: DARK,
            painted: None,
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
    pub parked: &'static str,
    pub skipped: &'static str,
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
    parked: "⊘",
    skipped: "×",
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
    parked: "P",
    skipped: "S",
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

    /// How bright a colour is, from 0 to 1.
    fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
        let part = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    }

    fn contrast(style: Style, paper: Paper) -> f64 {
        let colour = match style.fg {
            Some(Color::Indexed(index)) if index >= 232 => {
                let grey = 8 + (index - 232) * 10;
                (grey, grey, grey)
            }
            Some(Color::Indexed(index)) => {
                let level = |n: u8| if n == 0 { 0 } else { 55 + n * 40 };
                let cube = index - 16;
                (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
            }
            _ => paper.text,
        };
        let (a, b) = (luminance(colour), luminance(paper.ground));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn what_is_written_can_be_read_on_its_background() {
        let least = [
            (Theme::dark(), 7.0),
            (Theme::light(), 5.3),
            (Theme::high_contrast(), 11.0),
        ];
        for (t, least) in least {
            for style in [
                t.text, t.dim, t.accent, t.good, t.warn, t.bad, t.held, t.over, t.title, t.trace,
            ] {
                let contrast = contrast(style, t.paper);
                assert!(contrast >= least, "{style:?} has {contrast:.1} of {least}");
            }
        }
        // One theme for a background that nobody knows.
        let t = Theme::colour();
        for paper in [DARK, LIGHT] {
            for style in [t.dim, t.accent, t.good, t.warn, t.bad, t.held] {
                let contrast = contrast(style, paper);
                assert!(contrast >= 2.4, "{style:?} has {contrast:.1}");
            }
        }
    }

    #[test]
    fn a_theme_is_found_by_its_name() {
        for name in ThemeName::ALL {
            assert_eq!(name.name().parse(), Ok(name));
        }
        let error = "drak".parse::<ThemeName>().unwrap_err();
        assert!(error.contains("high-contrast"), "{error}");
    }

    #[test]
    fn ascii_is_ascii() {
        assert!(format!("{ASCII:?}").is_ascii());
    }
}

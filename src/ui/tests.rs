//! Every screen at the sizes that matter, as text and styles; and that nothing makes it panic.
//!
//! With `HIGHWATER_PICTURES=DIR` each screen is written there as a picture too.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use super::state::Model;
use super::testing::{self, HEAD, model_of, now};
use super::theme::Theme;
use super::update::{Effect, Msg, update};
use super::view;
use crate::event::{Position, StreamId, Version};
use crate::workspace::{Outcome, Preview, Snapshot};

/// The key with this name in the table of actions, pressed.
pub fn key(name: &str) -> Msg {
    let (modifiers, name) = match name.strip_prefix("ctrl-") {
        Some(rest) => (KeyModifiers::CONTROL, rest),
        None => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "f1" => KeyCode::F(1),
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    Msg::Key(KeyEvent::new(code, modifiers))
}

/// Presses keys one after the other.
pub fn press(model: &mut Model, keys: &[&str]) -> Vec<Effect> {
    let at = model.now;
    keys.iter()
        .flat_map(|name| update(model, at, key(name)))
        .collect()
}

/// Types a text.
pub fn type_in(model: &mut Model, text: &str) -> Vec<Effect> {
    let at = model.now;
    update(model, at, Msg::Paste(text.to_owned()))
}

fn drawn(model: &Model, theme: &Theme) -> Buffer {
    let Size { width, height } = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::view(model, theme, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The characters, then a letter for each cell's style: see `letter`.
fn shown(buffer: &Buffer, theme: &Theme) -> String {
    let mut out = view::plain::text(buffer);
    out.push_str("\n-- styles --\n");
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width)
            .map(|x| letter(buffer, x, y, theme))
            .collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn letter(buffer: &Buffer, x: u16, y: u16, theme: &Theme) -> char {
    let cell = &buffer[(x, y)];
    let same = |style: ratatui::style::Style| {
        cell.fg == style.fg.unwrap_or_default()
            && cell.bg == style.bg.unwrap_or_default()
            && cell.modifier == style.add_modifier
    };
    let names = [
        (' ', theme.text),
        ('c', theme.chosen),
        ('a', theme.accent),
        ('s', theme.strong),
        ('d', theme.dim),
        ('r', theme.rule),
        ('g', theme.good),
        ('w', theme.warn),
        ('b', theme.bad),
        ('h', theme.held),
    ];
    let found = names.into_iter().find(|(_, style)| same(*style));
    found.map_or('?', |(letter, _)| letter)
}

fn check(name: &str, model: &Model, theme: &Theme) {
    let buffer = drawn(model, theme);
    if let Some(folder) = std::env::var_os("HIGHWATER_PICTURES") {
        let path = std::path::Path::new(&folder).join(format!("{name}.svg"));
        std::fs::write(path, super::svg::render(&buffer, "highwater")).unwrap();
    }
    insta::assert_snapshot!(name, shown(&buffer, theme));
}

fn check_all(name: &str, snapshot: &Snapshot) {
    for (width, height) in [(120, 36), (80, 24), (60, 16), (20, 5)] {
        let mut model = model_of(snapshot.clone(), width, height);
        press(&mut model, &["j", "j"]);
        check(
            &format!("{name}_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
    }
}

#[test]
fn the_overview_at_every_size() {
    check_all("normal", &testing::normal());
    check_all("empty", &testing::empty());
    check_all("failed", &testing::failed());
    check_all("rebuilding", &testing::rebuilding());
    check_all("at_the_head", &testing::at_the_head());
}

#[test]
fn the_overview_without_colour_and_in_ascii() {
    let mut model = model_of(testing::failed(), 120, 36);
    press(&mut model, &["j", "j"]);
    check("failed_no_colour", &model, &Theme::monochrome());
    check("failed_ascii", &model, &Theme::colour().ascii());
}

/// A preview as an engine would give it.
fn preview(refused: Option<&str>) -> Preview {
    Preview {
        events: 96_211,
        takes: Some((Duration::from_millis(800), Duration::from_secs(2))),
        disk_needed: 48 << 20,
        disk_free: Some(61 << 30),
        answers: vec!["GetOrderById".into(), "OrdersOf".into()],
        refused: refused.map(str::to_owned),
    }
}

fn answer_preview(model: &mut Model, effects: &[Effect], refused: Option<&str>) {
    for effect in effects {
        if let Effect::Preview {
            projection,
            operation,
        } = effect
        {
            let msg = Msg::Previewed {
                projection: projection.clone(),
                operation: operation.clone(),
                result: Ok(preview(refused)),
            };
            update(model, now(), msg);
        }
    }
}

fn accepted() -> Msg {
    Msg::Sent {
        command: "PlaceOrder".into(),
        outcome: Ok(Outcome::Accepted {
            position: Some(Position::new(HEAD)),
            stream: StreamId::new("order-7").unwrap(),
            version: Version::new(1),
            repeated: false,
        }),
    }
}

fn each_size(name: &str, open: impl Fn(&mut Model)) {
    for (width, height) in [(120, 36), (80, 24), (60, 16)] {
        let mut model = model_of(testing::normal(), width, height);
        press(&mut model, &["j", "j"]);
        open(&mut model);
        check(
            &format!("{name}_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
    }
}

#[test]
fn each_popup() {
    each_size("help", |model| drop(press(model, &["?"])));
    each_size("commands", |model| {
        press(model, &["c", "o", "r"]);
    });
    each_size("form", |model| {
        press(model, &["c"]);
        type_in(model, "place");
        press(model, &["enter", "x", "tab"]);
    });
    each_size("form_rejected", |model| {
        press(model, &["c"]);
        type_in(model, "pay");
        press(model, &["enter", "7", "tab", "5", "enter"]);
        let outcome = Ok(Outcome::Rejected {
            stream: StreamId::new("order-7").unwrap(),
            version: Version::new(2),
            reason: "order 7 costs 129.00, this is 0.05: pay the whole amount".into(),
        });
        let msg = Msg::Sent {
            command: "ProcessPayment".into(),
            outcome,
        };
        update(model, now(), msg);
    });
    each_size("policy", |model| {
        press(model, &["P", "ctrl-u"]);
        type_in(model, "batch 50");
    });
    each_size("rebuild", |model| {
        let effects = press(model, &["R"]);
        answer_preview(model, &effects, None);
    });
    each_size("replay", |model| {
        let effects = press(model, &["Y"]);
        answer_preview(model, &effects, None);
        press(model, &["tab", "o", "r"]);
    });
    each_size("replay_refused", |model| {
        press(model, &["k", "Y"]);
    });
    each_size("line", |model| {
        press(model, &[":"]);
        type_in(model, "policy orders ba");
    });
    each_size("line_wrong", |model| {
        press(model, &[":"]);
        type_in(model, "rebuild ordres");
        press(model, &["enter"]);
    });
    each_size("ripple", |model| {
        update(model, now(), accepted());
    });
}

#[test]
fn the_text_for_once() {
    let text = super::plain(&testing::failed(), 100, &Theme::monochrome());
    insta::assert_snapshot!("once", text);
}

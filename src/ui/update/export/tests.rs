//! What is saved of each screen, and what is said of it.

use super::super::super::state::projection::Pane as Shows;
use super::super::super::testing::{self, model};
use super::super::super::tests::{press, type_in};
use super::super::super::{state::Said, state::time::Pane};
use super::super::{Msg, update};
use super::*;
use std::sync::Arc;

#[test]
fn e_saves_the_table_in_view_and_the_message_says_where() {
    let mut model = model();
    let effects = press(&mut model, &["E"]);
    let [
        Effect::Save {
            stem,
            ending,
            text,
            rows,
        },
    ] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (stem.as_str(), *ending),
        ("highwater-overview-20260314T092653", "csv")
    );
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("name,version,status,policy"), "{text}");
    assert!(
        lines[5].starts_with("revenue,3f2a91c.1,waiting,batch 500 or 5s,128189,214,"),
        "{text}"
    );
    let at = model.now;
    let saved = |rows: Option<(usize, Option<&str>)>| Msg::Saved {
        rows: rows.map(|(rows, of)| Written {
            rows,
            of: of.map(str::to_owned),
        }),
        result: Ok("/tmp/x.csv".into()),
    };
    let says = |model: &Model, words: &str| {
        let said = &model.said;
        assert!(
            matches!(said, Some(Said::Note(Tone::Good, now)) if now == words),
            "{said:?}"
        );
    };
    assert_eq!(*rows, Some(Written { rows: 6, of: None }));
    update(&mut model, at, saved(Some((6, None))));
    says(&model, "saved /tmp/x.csv, 6 rows");
    update(&mut model, at, saved(Some((1, None))));
    says(&model, "saved /tmp/x.csv, 1 row");
    // Of a long table only what is at hand is saved: nobody takes that for all of it.
    update(&mut model, at, saved(Some((200, Some("13,087")))));
    let only = "saved /tmp/x.csv, only 200 rows of 13,087: what is shown, and what is around it";
    says(&model, only);
    update(&mut model, at, saved(None));
    says(&model, "saved /tmp/x.csv");
    let failed = Msg::Saved {
        rows: None,
        result: Err("no room".into()),
    };
    update(&mut model, at, failed);
    assert!(matches!(&model.said, Some(Said::Note(Tone::Bad, words)) if words == "no room"));
}

#[test]
fn where_no_rows_were_read_it_says_how_to_have_some() {
    let mut model = model();
    assert_eq!(press(&mut model, &["3", "E"]).pop(), None);
    let said = &model.said;
    assert!(
        matches!(said, Some(Said::Note(Tone::Info, words)) if words.contains("the pane Rows")),
        "{said:?}"
    );
}

#[test]
fn export_json_saves_it_as_json_and_what_is_stored_stays_as_it_is() {
    let mut model = model();
    let number = super::super::super::tests::number(&press(&mut model, &["T"]));
    let result = Ok(Arc::new(testing::moment()));
    let at = model.now;
    update(&mut model, at, Msg::Looked { number, result });
    assert!(matches!(model.time, Some(Pane { .. })));
    press(&mut model, &[":"]);
    type_in(&mut model, "export json");
    let effects = press(&mut model, &["enter"]);
    let Some(Effect::Save { text, .. }) = effects.iter().find(|e| matches!(e, Effect::Save { .. }))
    else {
        panic!("{effects:?}");
    };
    let rows: Vec<Map<String, Value>> = serde_json::from_str(text).unwrap();
    assert_eq!(rows.len(), 24);
    assert_eq!(rows[0]["customer"], "c-118 \u{1b}[31m");
    assert_eq!(rows[0]["note"], Value::Null);
    assert_eq!(rows[0]["total"], 12_900);
}

#[test]
fn what_a_table_is_narrowed_to_is_what_is_saved() {
    let mut model = model();
    press(&mut model, &["/"]);
    type_in(&mut model, "orders");
    press(&mut model, &["enter"]);
    let Some(Sheet { rows, .. }) = sheet(&model) else {
        panic!("no table");
    };
    let names: Vec<&Value> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(names, ["orders", "orders@ap"]);
}

#[test]
fn the_rows_of_a_read_model_are_saved_with_its_columns() {
    let mut model = model();
    let mut waiting = press(&mut model, &["3"]);
    for _ in 0..Shows::ALL.len() {
        waiting.extend(press(&mut model, &["tab"]));
        while let Some(effect) = waiting.pop() {
            if let Effect::Projection(asked) = effect {
                let msg = super::super::super::tests::projection::answer(&asked, 0);
                let at = model.now;
                waiting.extend(update(&mut model, at, msg));
            }
        }
        if model.projection.pane() == Shows::Rows {
            break;
        }
    }
    let sheet = sheet(&model).unwrap();
    assert!(!sheet.columns.is_empty() && !sheet.rows.is_empty());
    assert!(
        sheet
            .rows
            .iter()
            .all(|row| row.len() == sheet.columns.len())
    );
}

#[test]
fn s_saves_the_screen_as_a_picture() {
    let mut model = model();
    let stem = "highwater-overview-20260314T092653".to_owned();
    assert_eq!(press(&mut model, &["S"]), [Effect::Picture { stem }]);
}

#[test]
fn what_would_end_a_field_is_quoted() {
    assert_eq!(quoted("a,b \"c\""), "\"a,b \"\"c\"\"\"");
    assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
    assert_eq!(quoted("plain"), "plain");
}

//! A form as somebody fills it in.

use super::super::super::testing::commands;
use super::*;

fn place_order() -> Form {
    let commands = commands();
    Form::new(commands.iter().find(|c| c.name == "PlaceOrder").unwrap())
}

#[test]
fn what_a_list_has_is_checked_while_it_is_typed() {
    let mut form = place_order();
    let lines = |form: &mut Form, text: &str| {
        form.fields[2].editor.set(text);
        form.value(&form.fields[2]).map(|_| ())
    };
    assert_eq!(lines(&mut form, "mug:2"), Ok(()));
    let wrong = lines(&mut form, "mug:two").unwrap_err();
    assert!(wrong.starts_with("lines[0].quantity must be"), "{wrong}");
    let wrong = lines(&mut form, "[1]").unwrap_err();
    assert!(wrong.starts_with("lines[0] must be"), "{wrong}");
}

#[test]
fn a_form_has_the_schemas_fields_with_types_and_examples() {
    let form = place_order();
    let names: Vec<&str> = form.fields.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["order", "customer", "lines", "priority", "note"]);
    assert_eq!(form.fields[2].kind, Kind::List);
    assert_eq!(
        form.fields[2].editor.text(),
        r#"[{"product":"p-1","quantity":1}]"#
    );
    assert!(matches!(&form.fields[3].kind, Kind::Choice(c) if c.len() == 2));
    assert_eq!(form.fields[3].editor.text(), "normal");
    assert!(!form.fields[4].required);
}

#[test]
fn each_field_says_what_is_wrong_with_it() {
    let mut form = place_order();
    assert_eq!(form.data(), Err(0));
    form.fill(&["order=x".into()]).unwrap();
    assert_eq!(
        form.value(&form.fields[0]),
        Err("write a whole number".to_owned())
    );
    form.fields[0].editor.set("-1");
    assert_eq!(form.value(&form.fields[0]), Err("at least 0".to_owned()));
    form.fill(&["lines={}".into()]).unwrap();
    assert!(
        form.value(&form.fields[2])
            .unwrap_err()
            .starts_with("write a list")
    );
    let error = form.fill(&["colour=red".into()]).unwrap_err();
    assert!(error.contains("no field \"colour\""), "{error}");
}

#[test]
fn a_list_may_be_typed_short_as_on_the_command_line() {
    let mut form = place_order();
    form.fill(&["lines=mug:2,pot:1".into()]).unwrap();
    let lines =
        serde_json::json!([{"product": "mug", "quantity": 2}, {"product": "pot", "quantity": 1}]);
    assert_eq!(form.value(&form.fields[2]), Ok(Some(lines.clone())));
    form.fields[2].editor.set("mug:2,pot:1");
    assert_eq!(form.value(&form.fields[2]), Ok(Some(lines.clone())));
    form.fill(&["order=7".into(), "customer=c-1".into()])
        .unwrap();
    assert_eq!(form.data().unwrap()["lines"], lines);
}

#[test]
fn a_filled_form_is_one_object_without_what_is_empty() {
    let mut form = place_order();
    let words = ["order=7", "customer=c-1", "lines=[]", "note="].map(str::to_owned);
    form.fill(&words).unwrap();
    let expected =
        serde_json::json!({"order": 7, "customer": "c-1", "lines": [], "priority": "normal"});
    assert_eq!(form.data(), Ok(expected));
}

//! A query before it is asked: the form of its parameters, and how fresh the answer has to be.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, json};

use super::form::{EACH, Form, Kind};
use crate::event::Position;
use crate::workspace::{CommandInfo, Consistency, Policy, ProjectionView, QueryInfo};

/// The field that says how fresh; a parameter of that name would be hidden by it, so it is no SQL name.
const HOW: &str = "how fresh";

/// A query that is about to be asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Of which projection.
    pub projection: String,
    /// Its form: the command is the query.
    pub form: Form,
}

/// A question that is complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The query.
    pub query: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// How fresh the answers have to be: one each.
    pub levels: Vec<Consistency>,
}

/// The queries of a projection, as a list that one chooses from.
pub fn listed(view: &ProjectionView) -> Vec<CommandInfo> {
    view.queries.iter().map(|query| info(view, query)).collect()
}

fn info(view: &ProjectionView, query: &QueryInfo) -> CommandInfo {
    let mut properties = Map::new();
    for name in &query.parameters {
        properties.insert(name.clone(), json!({"type": "string"}));
    }
    // Asking a `manual` one for more has it apply what waits: nobody should do that unawares.
    let default = if view.policy == Policy::Manual {
        "eventual"
    } else {
        EACH
    };
    let words = "each, eventual, strong, within=2s, at-least=128403";
    let how = json!({"type": "string", "default": default, "description": words});
    properties.insert(HOW.to_owned(), how);
    let description = match query.parameters.as_slice() {
        [] => "without parameters".to_owned(),
        names => names.join(", "),
    };
    let mut required = query.parameters.clone();
    required.push(HOW.to_owned());
    CommandInfo {
        name: query.name.clone(),
        description,
        category: view.name.clone(),
        schema: json!({"type": "object", "required": required, "properties": properties}),
    }
}

impl Question {
    /// The form of a query, filled in as the last one with the same parameters was.
    pub fn new(query: &CommandInfo, filled_in: &BTreeMap<String, String>) -> Self {
        let mut form = Form::new(query);
        for field in &mut form.fields {
            if field.name == HOW {
                field.kind = Kind::Freshness;
            }
            if let Some(text) = filled_in.get(&field.name) {
                field.editor = super::editor::Editor::suggesting(text);
            }
        }
        Self {
            projection: query.category.clone(),
            form,
        }
    }

    /// Fills in words: `key=value`, and how fresh. Errors: a word that is neither.
    pub fn fill(&mut self, words: &[String]) -> Result<(), String> {
        for word in words {
            let key = word.split_once('=').map(|(key, _)| key);
            let is_parameter =
                key.is_some_and(|key| self.form.fields.iter().any(|f| f.name == key));
            if !is_parameter && (word == EACH || word.parse::<Consistency>().is_ok()) {
                self.form.fill(&[format!("{HOW}={word}")])?;
            } else if let Some(("within", time)) = word.split_once('=')
                && !is_parameter
            {
                return Err(format!("{time:?} is not a time: write within=2s"));
            } else if let Some(("at-least", position)) = word.split_once('=')
                && !is_parameter
            {
                return Err(format!(
                    "{position:?} is not a position: write at-least and a whole number, as at-least=128403"
                ));
            } else {
                self.form.fill(std::slice::from_ref(word))?;
            }
        }
        Ok(())
    }

    /// The question, where it is complete; `head` is what 'at least' means. Errors: the place of the field that is
    /// wrong, and what is.
    pub fn asked(&self, head: Position) -> Result<Asked, (usize, String)> {
        let wrong = |at: usize| {
            let why = self
                .form
                .value(&self.form.fields[at])
                .err()
                .unwrap_or_default();
            (at, format!("{}: {why}", self.form.fields[at].name))
        };
        let data = self.form.data().map_err(wrong)?;
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let how = text(HOW);
        let levels = if how == EACH {
            vec![
                Consistency::Eventual,
                Consistency::AtLeast(head),
                Consistency::Within(Duration::from_secs(2)),
                Consistency::Strong,
            ]
        } else {
            let last = self.form.fields.len().saturating_sub(1);
            let level: Result<Consistency, _> = how.trim().parse();
            vec![level.map_err(|error| (last, error.to_string()))?]
        };
        let fields = self.form.fields.iter().map(|field| field.name.clone());
        let parameters = fields.filter(|name| name != HOW);
        Ok(Asked {
            query: self.form.command.name.clone(),
            parameters: parameters.map(|name| (name.clone(), text(&name))).collect(),
            levels,
        })
    }
}

/// A consistency as it is written.
pub fn words(consistency: Consistency) -> String {
    match consistency {
        Consistency::Eventual => "eventual".to_owned(),
        Consistency::Strong => "strong".to_owned(),
        Consistency::AtLeast(position) => {
            format!("at least {}", crate::text::thousands(position.get()))
        }
        Consistency::Within(time) => format!("within {}", crate::text::human_duration(time)),
    }
}

/// What is wrong with a value: shown under the form.
pub fn refused(reason: String) -> super::form::Answer {
    super::form::Answer {
        outcome: super::form::Refusal::NotAsked,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::projection;
    use super::*;

    fn question(policy: &str) -> Question {
        let view = projection("orders", policy);
        Question::new(&listed(&view)[0], &BTreeMap::new())
    }

    #[test]
    fn a_question_is_complete_with_its_parameters_and_a_level() {
        let of = question;
        let mut question = of("live");
        assert!(question.asked(Position::new(7)).is_err());
        question.fill(&["order_id=1042".into()]).unwrap();
        let asked = question.asked(Position::new(7)).unwrap();
        assert_eq!(asked.parameters["order_id"], "1042");
        assert_eq!(asked.levels.len(), 4);
        assert_eq!(asked.levels[1], Consistency::AtLeast(Position::new(7)));
        question.fill(&["strong".into()]).unwrap();
        let asked = question.asked(Position::new(7)).unwrap();
        assert_eq!(asked.levels, [Consistency::Strong]);
        let again = question.fill(&["eventual".into()]).unwrap_err();
        assert_eq!(again, "how fresh must be given once, not twice");
        let mut question = of("live");
        let words = ["order_id=1042", "how fresh=soon"].map(str::to_owned);
        question.fill(&words).unwrap();
        // Seen while it is typed, not first when it is asked.
        let level = &question.form.fields[1];
        assert!(question.form.value(level).unwrap_err().contains("soon"));
        let (field, why) = question.asked(Position::new(7)).unwrap_err();
        assert!(field == 1 && why.contains("soon"), "{why}");
        assert!(question.fill(&["soon".into()]).is_err());
        let mut wrong = |word: &str| question.fill(&[word.into()]).unwrap_err();
        let words = "\"banana\" is not a time: write within=2s";
        assert_eq!(wrong("within=banana"), words);
        let words = "\"-1\" is not a position";
        assert!(wrong("at-least=-1").starts_with(words));
        assert!(wrong("withn=2s").contains("has no field"));
    }

    #[test]
    fn a_manual_one_is_not_made_to_apply_unawares() {
        let mut question = question("manual");
        question.fill(&["order_id=1042".into()]).unwrap();
        let asked = question.asked(Position::new(7)).unwrap();
        assert_eq!(asked.levels, [Consistency::Eventual]);
    }
}

//! What a read model was built from, as its file says: to go on with it while another version is built
//! beside it. Where that is Rust code of another revision, nobody has it any more.

use std::sync::Arc;

use rusqlite::Connection;

use super::fold::Told;
use super::model::About;
use super::projection::{
    AnswerError, ApplyError, Blame, Memory, Parameters, Projection, Row, Signature,
};
use super::sql::SqlProjection;
use super::subscription::Subscription;
use crate::event::Event;

/// What a version was built from; `today` is the projection as it is now.
pub fn built_from(today: &Arc<dyn Projection>, about: &About) -> Arc<dyn Projection> {
    let told = Told::read(&about.source);
    if about.hash == today.hash() && (about.source == today.source() || told.is_some()) {
        return Arc::clone(today);
    }
    let retired = match told {
        Some(told) => Retired::revision(today, about, told),
        None => match SqlProjection::parse(&about.projection, &about.source) {
            Ok(built_from) => return Arc::new(built_from),
            Err(error) => Retired::unknown(about, error.to_string()),
        },
    };
    Arc::new(retired)
}

/// A projection that this program cannot fold with. Its read model stands still until another one is built.
struct Retired {
    about: About,
    told: Told,
    why: String,
    /// Answers in its place, where it can.
    today: Option<Arc<dyn Projection>>,
}

impl Retired {
    fn revision(today: &Arc<dyn Projection>, about: &About, told: Told) -> Self {
        let answers = today.answers_for(&about.source);
        Self {
            why: format!(
                "version {} was made by revision {}, and this program does not have its code: a new version is \
                 built beside it by an engine of this program. Ask again then, or ask the program that made it",
                about.label(),
                told.revision
            ),
            about: about.clone(),
            told,
            today: answers.then(|| Arc::clone(today)),
        }
    }

    fn unknown(about: &About, why: String) -> Self {
        Self {
            about: about.clone(),
            told: Told::nothing(),
            why,
            today: None,
        }
    }
}

impl Projection for Retired {
    fn name(&self) -> &str {
        &self.about.projection
    }

    fn description(&self) -> &str {
        &self.told.description
    }

    fn subscription(&self) -> &Subscription {
        &self.told.subscription
    }

    fn hash(&self) -> &str {
        &self.about.hash
    }

    fn source(&self) -> &str {
        &self.about.source
    }

    fn queries(&self) -> &[Signature] {
        match &self.today {
            Some(today) => today.queries(),
            None => &self.told.queries,
        }
    }

    fn folds(&self) -> bool {
        false
    }

    fn create(&self, _: &Connection) -> Result<(), String> {
        Err(self.why.clone())
    }

    fn apply(&self, _: &Connection, _: &mut Memory, _: &[Event]) -> Result<(), ApplyError> {
        Err(ApplyError {
            index: 0,
            reason: self.why.clone(),
            blame: Blame::System,
        })
    }

    fn answer(
        &self,
        db: &Connection,
        query: &str,
        parameters: &Parameters,
    ) -> Result<Vec<Row>, AnswerError> {
        match &self.today {
            Some(today) => today.answer(db, query, parameters),
            None => Err(AnswerError::Refused(self.why.clone())),
        }
    }
}

//! Something that is read for a screen: what came, of which state of the workspace it is, and whether the next is on
//! its way. Never two of a kind are.

/// Something that was read, or will be.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// What came last; or why it could not be read.
    pub value: Option<Result<T, String>>,
    /// Of what the last one is.
    of: String,
    /// The number of the question under way, and of what its answer will be.
    under_way: Option<(u64, String)>,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self {
            value: None,
            of: String::new(),
            under_way: None,
        }
    }
}

impl<T> Fetched<T> {
    /// Whether it has to be asked for now: what is there is of something else, and nothing is under way. `of` names
    /// all that the answer depends on.
    pub fn is_due(&self, of: &str) -> bool {
        self.under_way.is_none() && (self.value.is_none() || self.of != of)
    }

    /// It is asked for.
    pub fn ask(&mut self, number: u64, of: String) {
        self.under_way = Some((number, of));
    }

    /// An answer came; says whether it is the one that is awaited.
    pub fn take(&mut self, number: u64, value: Result<T, String>) -> bool {
        match self.under_way.take() {
            Some((awaited, of)) if awaited == number => {
                self.value = Some(value);
                self.of = of;
                true
            }
            other => {
                self.under_way = other;
                false
            }
        }
    }

    /// What came last, where it could be read.
    pub fn good(&self) -> Option<&T> {
        self.value.as_ref()?.as_ref().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_question_at_a_time_and_an_outdated_answer_is_dropped() {
        let mut fetched = Fetched::default();
        assert!(fetched.is_due("7"));
        fetched.ask(1, "7".into());
        assert!(!fetched.is_due("8"), "the first is under way");
        assert!(!fetched.take(9, Ok("old")));
        assert!(fetched.take(1, Ok("new")));
        assert_eq!(fetched.good(), Some(&"new"));
        assert!(!fetched.is_due("7") && fetched.is_due("8"));
    }
}

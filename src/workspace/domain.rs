//! A domain: what a program adds to the engine.

use crate::write::Commands;

/// What a program adds to the engine: commands, under the name by which `highwater.toml` asks for them, and
/// projections for a new workspace to begin with.
///
/// ```
/// use highwater::{Domain, shop};
///
/// let shop = Domain::new("shop", shop::commands());
/// assert_eq!(shop.find("shop").map(|commands| commands.infos().len()), Some(9));
/// assert!(shop.find("bank").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Domain {
    name: String,
    commands: Commands,
    projections: Vec<(String, String)>,
}

impl Domain {
    /// A domain with these commands.
    pub fn new(name: impl Into<String>, commands: Commands) -> Self {
        Self {
            name: name.into(),
            commands,
            projections: Vec::new(),
        }
    }

    /// The same with a projection, which a new workspace gets as the file `projections/NAME.sql`. From then on
    /// it is the user's: to change it, the file is edited.
    pub fn with_projection(mut self, name: impl Into<String>, sql: impl Into<String>) -> Self {
        self.projections.push((name.into(), sql.into()));
        self
    }

    /// What `highwater.toml` calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its projections, name and SQL.
    pub fn projections(&self) -> &[(String, String)] {
        &self.projections
    }

    /// The commands of the domain with this name, where it is this one. What
    /// [`Workspace::open`](super::Workspace::open) asks for.
    pub fn find(&self, name: &str) -> Option<Commands> {
        (name == self.name).then(|| self.commands.clone())
    }
}

//! A domain: what a program adds to the engine.

use std::fmt;
use std::sync::Arc;

use super::Config;
use crate::write::Commands;

/// What a program adds to the engine: commands, under the name by which `highwater.toml` asks for them, and
/// projections for a new workspace to begin with.
///
/// ```
/// use highwater::workspace::Config;
/// use highwater::{Domain, shop};
///
/// let (shop, config) = (Domain::new("shop", shop::commands()), Config::default());
/// assert!(shop.find("shop", &config).is_some_and(|commands| commands.info("PlaceOrder").is_some()));
/// assert!(shop.find("bank", &config).is_none());
/// ```
#[derive(Clone)]
pub struct Domain {
    name: String,
    commands: Arc<dyn Fn(&Config) -> Commands + Send + Sync>,
    projections: Vec<(String, String)>,
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Domain {
    /// A domain with these commands.
    pub fn new(name: impl Into<String>, commands: Commands) -> Self {
        Self::configured(name, move |_| commands.clone())
    }

    /// A domain whose commands and processes depend on a workspace's settings.
    pub fn configured(
        name: impl Into<String>,
        commands: impl Fn(&Config) -> Commands + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            commands: Arc::new(commands),
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
    pub fn find(&self, name: &str, config: &Config) -> Option<Commands> {
        (name == self.name).then(|| (self.commands)(config))
    }
}

//! A domain: what a program adds to the engine.

use std::fmt;
use std::sync::Arc;

use super::{Config, Folder, Workspace, WorkspaceError};
use crate::read::{Fold, InMemory, Projection};
use crate::write::Commands;

/// What a program adds to the engine: commands, under the name by which `highwater.toml` asks for them;
/// projections that are written in Rust; and such as are files, for a new workspace to begin with.
///
/// ```
/// use highwater::workspace::Folder;
/// use highwater::{Domain, shop};
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// let domain = Domain::new("shop", shop::commands());
/// let workspace = domain.open(Folder::init_for(path, &domain)?)?;
/// assert!(workspace.commands().info("PlaceOrder").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Domain {
    name: String,
    commands: Arc<dyn Fn(&Config) -> Commands + Send + Sync>,
    projections: Vec<(String, String)>,
    own: Vec<Own>,
}

/// A projection that is written in Rust, where a workspace's settings want it.
type Own = Arc<dyn Fn(&Config) -> Option<Arc<dyn Projection>> + Send + Sync>;

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
            own: Vec::new(),
        }
    }

    /// The same with a projection, which a new workspace gets as the file `projections/NAME.sql`. From then on
    /// it is the user's: to change it, the file is edited.
    pub fn with_projection(mut self, name: impl Into<String>, sql: impl Into<String>) -> Self {
        self.projections.push((name.into(), sql.into()));
        self
    }

    /// The same with a projection that is written in Rust and keeps its state in memory: every workspace of the
    /// domain has it, for as long as the program has.
    pub fn with_fold<F: Fold>(self) -> Self {
        self.with(Arc::new(InMemory::<F>::new()))
    }

    /// The same with a projection that is written in Rust: a [replica](InMemory::replica), say, or one that keeps
    /// tables by its own code.
    pub fn with(self, projection: Arc<dyn Projection>) -> Self {
        self.with_where(|_| true, projection)
    }

    /// The same for such workspaces only whose settings want it.
    pub fn with_where(
        mut self,
        wanted: impl Fn(&Config) -> bool + Send + Sync + 'static,
        projection: Arc<dyn Projection>,
    ) -> Self {
        let own = move |config: &Config| wanted(config).then(|| Arc::clone(&projection));
        self.own.push(Arc::new(own));
        self
    }

    /// What `highwater.toml` calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Those of its projections that are files, name and SQL.
    pub fn projections(&self) -> &[(String, String)] {
        &self.projections
    }

    /// Opens a workspace of this domain, or of none.
    ///
    /// Errors: as [`Workspace::open`]; its settings name another domain.
    pub fn open(&self, folder: Folder) -> Result<Workspace, WorkspaceError> {
        let find = |name: &str, config: &Config| {
            let own = || self.own.iter().filter_map(|own| own(config)).collect();
            (name == self.name).then(|| ((self.commands)(config), own()))
        };
        Workspace::open_with(folder, find).map_err(|error| match error {
            WorkspaceError::Domain { path, domain, .. } => {
                let known = format!(
                    "write {:?} or \"none\", or open the workspace with the program that has it",
                    self.name
                );
                WorkspaceError::Domain {
                    path,
                    domain,
                    known,
                }
            }
            other => other,
        })
    }
}

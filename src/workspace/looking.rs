//! A read model's past, as it is looked at: one look after the other, each of which can be broken off.

use std::sync::Arc;

use serde_json::Value;

use super::state_tables::{self, StateSeen, before_and_after, state_of};
use super::unkeyed::{self, Unkeyed};
use super::{AsOf, OperateError, Operator, Workspace, WorkspaceError};
use crate::event::{Event, Position};
use crate::read::{Beside, Browse, Changed, FoldError, Past, Rows, RowsPage, Shown, Work, beside};

/// How many copies are kept to step back to.
const COPIES: usize = 8;

/// The most rows that are told of what an event changed.
const MOST: usize = 50;

/// A read model's past that is looked at. Clones look at the same one; its files go with the last.
#[derive(Clone)]
pub struct Looking {
    workspace: Workspace,
    projection: String,
    work: Work,
    state: Arc<tokio::sync::Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// `None` before the first look.
    past: Option<Past>,
    /// What the event at which it stands changed.
    changed: Option<Changed>,
}

/// What a look shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Where the read model is shown.
    pub position: Position,
    /// The log's head then.
    pub head: Position,
    /// The event at this position; `None` at position 0.
    pub event: Option<Event>,
    /// What the event changed; `None` at position 0, and where it was not looked at.
    pub changed: Option<Changed>,
    /// Whether it was broken off on the way: then it is shown where it came to.
    pub stopped: bool,
    /// Some of the rows.
    pub rows: Rows,
    /// The same rows in the version that answers, as it is now; `None` where there is none, or it has no such table.
    pub now: Option<Beside>,
    /// Which rows went and which came, where no primary key names them; `None` where there are too many.
    pub unkeyed: Option<Unkeyed>,
    /// What the event changed of the state, where that is shown as tables.
    pub state: Option<StateSeen>,
}

impl Operator {
    /// Looks at a read model's past. Nothing is folded before the first look.
    pub fn looking(&self, projection: &str) -> Looking {
        Looking {
            workspace: self.workspace.clone(),
            projection: projection.to_owned(),
            work: Work::new(),
            state: Arc::default(),
        }
    }
}

impl Looking {
    /// The look under way: how far it is. Stopping it shows the read model where it came to.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Shows the read model as it was, `None` being at the head. It is folded up to there, or on from where
    /// the last look left it; on a thread of its own. Where it goes to an event that changed a row of the table that
    /// is shown, the rows from there on are shown, unless that row is among those that were asked for.
    ///
    /// Errors: no such projection, no such position, no room on the disk, an event that cannot be applied.
    pub async fn look(&self, at: Option<AsOf>, shown: Shown) -> Result<Moment, OperateError> {
        let (here, runtime) = (self.clone(), tokio::runtime::Handle::current());
        let task = tokio::task::spawn_blocking(move || {
            runtime.block_on(async move { here.take_a_look(at, shown).await })
        });
        Ok(task.await.map_err(|e| OperateError(e.to_string()))??)
    }

    async fn take_a_look(&self, at: Option<AsOf>, shown: Shown) -> Result<Moment, WorkspaceError> {
        let mut state = self.state.lock().await;
        let State { past, changed } = &mut *state;
        let head = self.workspace.log().head().await?;
        let goal = match at {
            Some(at) => self.workspace.position_at(at).await?,
            None => head,
        };
        let failed = |error| WorkspaceError::fold(&self.projection, error);
        // What was parked may have been applied since, in another place than its own. A file that cannot be read
        // just now is no reason to fold anew.
        let link = self.workspace.0.folder.versions(&self.projection).link();
        if let Some(Ok(false)) = past.as_mut().map(|known| known.go_on_like(&link)) {
            (*past, *changed) = (None, None);
        }
        if let (Some(past), Some(changed)) = (past.as_ref(), changed.as_mut()) {
            past.recall(changed);
        }
        if past.is_none() {
            let (name, work) = (&self.projection, self.work.clone());
            *past = Some(self.workspace.past(name, COPIES, work).await?);
        }
        // It was put there.
        let Some(past) = past else {
            return Err(failed(FoldError::Stopped { at: goal, of: goal }));
        };
        let is_known = changed.as_ref().map(|changed| changed.event.position) == Some(goal);
        let (mut stopped, mut shown, mut arrived) = (false, shown, false);
        if past.position() != goal || !is_known {
            *changed = None;
            match past.step_and_compare(goal, MOST).await {
                Ok(found) => {
                    *changed = found;
                    arrived = true;
                    let first = match &changed {
                        Some(changed) => past.first_changed(changed, shown.table),
                        None => Ok(None),
                    };
                    shown = scrolled(shown, first.map_err(failed)?);
                }
                Err(FoldError::Stopped { .. }) => {
                    stopped = true;
                    self.work.again();
                }
                Err(error) => return Err(failed(error)),
            }
        }
        let event = match &changed {
            Some(changed) => Some(changed.event.clone()),
            None => past.event().await.map_err(failed)?,
        };
        let first = Shown {
            most: 1,
            ..Shown::default()
        };
        let state = state_of(&past.rows(first).map_err(failed)?);
        let (rows, now, state) = match state {
            Some(then) => {
                let (rows, now, seen) = self.state(&then, changed.as_ref(), shown, arrived);
                (rows, now, Some(seen))
            }
            None => {
                let rows = past.rows(shown).map_err(failed)?;
                let now = self.now(&rows);
                (rows, now, None)
            }
        };
        let unkeyed = match &now {
            Some(now) if !now.keyed => self.unkeyed(past, &rows, now).map_err(failed)?,
            _ => None,
        };
        Ok(Moment {
            now,
            unkeyed,
            state,
            position: past.position(),
            head: head.max(goal),
            event,
            changed: changed.clone(),
            stopped,
            rows,
        })
    }
}

impl Looking {
    /// The rows in the version that answers. One that cannot be read just now is no reason not to show the past.
    fn now(&self, rows: &Rows) -> Option<Beside> {
        let link = self.workspace.folder().versions(&self.projection).link();
        beside(&link, rows).ok().flatten()
    }

    /// A state as tables, beside the one that the version that answers has.
    fn state(
        &self,
        then: &Value,
        changed: Option<&Changed>,
        shown: Shown,
        arrived: bool,
    ) -> (Rows, Option<Beside>, StateSeen) {
        let now = self.page_now(None, 1).and_then(|page| {
            let rows = Rows {
                tables: page.tables.iter().map(|table| table.name.clone()).collect(),
                columns: page.tables.first()?.columns.clone(),
                count: page.matching.rows,
                rows: page.rows,
                ..Rows::default()
            };
            Some((page.checkpoint, state_of(&rows)?))
        });
        let event = changed.and_then(before_and_after);
        let now = now.as_ref().map(|(position, now)| (*position, now));
        state_tables::shown(then, now, event.as_ref(), shown, arrived)
    }

    /// Which rows went and which came, where there are not too many to say.
    fn unkeyed(
        &self,
        past: &Past,
        rows: &Rows,
        now: &Beside,
    ) -> Result<Option<Unkeyed>, FoldError> {
        let most = unkeyed::MOST as u64;
        let name = rows.tables.get(rows.table);
        let Some(name) = name.filter(|_| rows.count <= most && now.count <= most) else {
            return Ok(None);
        };
        let all = past.rows(Shown {
            table: rows.table,
            first: 0,
            most: unkeyed::MOST,
        })?;
        let page = self.page_now(Some(name.clone()), unkeyed::MOST);
        // More may have come meanwhile.
        let page = page.filter(|page| page.rows.len() as u64 == page.matching.rows);
        let from = usize::try_from(rows.first).unwrap_or(usize::MAX);
        let shown = (from, rows.rows.len());
        Ok(page.map(|page| unkeyed::compare(&all.rows, page.rows, shown)))
    }

    /// Rows of a table in the version that answers; of the first where none is named.
    fn page_now(&self, table: Option<String>, limit: usize) -> Option<RowsPage> {
        let wanted = Browse {
            table,
            limit,
            ..Browse::default()
        };
        self.workspace.rows_page(&self.projection, &wanted).ok()
    }
}

/// The rows to be shown where the row at `first` is to be seen: with a few before it where it is not yet.
fn scrolled(shown: Shown, first: Option<u64>) -> Shown {
    const BEFORE: u64 = 2;
    let Some(at) = first else {
        return shown;
    };
    let seen = shown.first..shown.first.saturating_add(shown.most as u64);
    if seen.contains(&at) {
        return shown;
    }
    let first = at.saturating_sub(BEFORE);
    Shown { first, ..shown }
}

impl std::fmt::Debug for Looking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looking")
            .field("projection", &self.projection)
            .field("progress", &self.work.progress())
            .finish_non_exhaustive()
    }
}

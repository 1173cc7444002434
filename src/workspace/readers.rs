//! Read models that are open for questions, kept from one question to the next.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Workspace;
use crate::read::{Projection, QueryError, Reader};

/// One a projection, with the file that it has open.
#[derive(Default)]
pub(super) struct Readers(Mutex<HashMap<String, (PathBuf, Reader)>>);

/// A reader that goes back to where it was kept.
pub(super) struct Lent<'a> {
    home: &'a Readers,
    projection: String,
    /// `None` once it was given back.
    open: Option<(PathBuf, Reader)>,
}

impl Workspace {
    /// The version that answers now, open for questions. Errors: there is none, or it cannot be used.
    pub(super) fn reader(&self, today: &Arc<dyn Projection>) -> Result<Lent<'_>, QueryError> {
        let home = &self.0.readers;
        let versions = self.0.folder.versions(today.name());
        let kept = home.lock().remove(today.name());
        let live = versions.live().ok().flatten();
        let kept = kept.filter(|(path, reader)| live.as_ref() == Some(path) && reader.is_current());
        let open = match kept {
            Some(open) => open,
            None => {
                let reader = Reader::open(&versions, today)?;
                (live.unwrap_or_default(), reader)
            }
        };
        Ok(Lent {
            home,
            projection: today.name().to_owned(),
            open: Some(open),
        })
    }
}

impl Readers {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (PathBuf, Reader)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Lent<'_> {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        match &self.open {
            Some((_, reader)) => reader,
            None => unreachable!("it is given back when it is dropped"),
        }
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Reader {
        match &mut self.open {
            Some((_, reader)) => reader,
            None => unreachable!("it is given back when it is dropped"),
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            self.home
                .lock()
                .insert(std::mem::take(&mut self.projection), open);
        }
    }
}

//! What is remembered of the log's end from one transaction to the next: good as long as nobody else has written.

use std::collections::HashMap;

use super::chain::Hash;
use crate::event::StreamId;

/// Streams remembered a generation: two of them stay within a few MiB.
const A_GENERATION: usize = 16 * 1024;

/// The versions of streams that were written lately.
#[derive(Default)]
pub(super) struct Known {
    /// The last event as it was after our last transaction: its position and hash.
    end: Option<(i64, Hash)>,
    young: HashMap<StreamId, i64>,
    old: HashMap<StreamId, i64>,
}

impl Known {
    /// Forgets everything unless the log still ends where we left it: its events only ever become more, and a hash
    /// stands for all before it.
    pub fn unless_moved(self, end: (i64, &Hash)) -> Self {
        match self.end {
            Some((position, hash)) if (position, &hash) == end => self,
            _ => Self::default(),
        }
    }

    /// Says where the log ends now.
    pub fn ends(&mut self, position: i64, hash: Hash) {
        self.end = Some((position, hash));
    }

    /// A stream's last version, where it is remembered.
    pub fn version(&self, stream: &StreamId) -> Option<i64> {
        let found = self.young.get(stream).or_else(|| self.old.get(stream));
        found.copied()
    }

    /// Remembers a stream's last version, and forgets those that were not written for longest.
    pub fn put(&mut self, stream: &StreamId, version: i64) {
        if let Some(known) = self.young.get_mut(stream) {
            *known = version;
            return;
        }
        if self.young.len() >= A_GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream.clone(), version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: usize) -> StreamId {
        StreamId::new(&format!("s-{number}")).unwrap()
    }

    #[test]
    fn what_was_remembered_is_forgotten_where_the_log_ends_elsewhere() {
        for (end, kept) in [
            ((3, &[7; 32]), Some(2)),
            ((4, &[7; 32]), None),
            ((3, &[8; 32]), None),
        ] {
            let mut known = Known::default();
            known.put(&stream(1), 2);
            known.ends(3, [7; 32]);
            assert_eq!(known.unless_moved(end).version(&stream(1)), kept);
        }
    }

    #[test]
    fn the_streams_written_last_are_remembered_and_their_number_is_bounded() {
        let mut known = Known::default();
        for number in 0..5 * A_GENERATION {
            known.put(&stream(number), 1);
            known.put(&stream(0), 1 + number as i64);
        }
        assert_eq!(known.version(&stream(0)), Some(5 * A_GENERATION as i64));
        assert_eq!(known.version(&stream(5 * A_GENERATION - 1)), Some(1));
        assert_eq!(known.version(&stream(1)), None);
        assert!(known.young.len() + known.old.len() <= 2 * A_GENERATION);
    }
}

//! How every read model lagged since the dashboard began to look, bounded: at most a day, coarser the older it is.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::Timestamp;
use crate::lag::{History, Point};
use crate::workspace::{ProjectionView, Snapshot};

/// The history of each.
#[derive(Debug, Clone, Default)]
pub struct Lagging {
    /// When the first picture was taken.
    began: Option<Timestamp>,
    of: BTreeMap<String, History>,
    /// The last stretch in which nobody looked, as the last picture has it.
    unseen: Option<(Timestamp, Timestamp)>,
}

impl Lagging {
    /// Takes a picture in. Between two pictures nothing was different: the workspace tells of all that is, unless
    /// nobody looked for a stretch, which is a hole.
    pub fn see(&mut self, snapshot: &Snapshot) {
        let began = *self.began.get_or_insert(snapshot.taken_at);
        let at = since(began, snapshot.taken_at);
        let hole = snapshot.unseen.filter(|_| snapshot.unseen != self.unseen);
        self.unseen = snapshot.unseen;
        let stood = hole.map_or(at, |(from, _)| since(began, from));
        let views = &snapshot.projections;
        self.of
            .retain(|name, _| views.iter().any(|view| view.name == *name));
        for view in views {
            let history = match self.of.get_mut(&view.name) {
                Some(history) => history,
                None => self.of.entry(view.name.clone()).or_default(),
            };
            history.unchanged_until(stood);
            history.push(at, point(view, snapshot));
        }
    }

    /// When the first picture was taken.
    pub const fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// What was observed of a projection over a stretch, in seconds before `now` (below 0), in so many columns: when,
    /// and what, `None` being a hole.
    pub fn columns(
        &self,
        name: &str,
        now: Timestamp,
        (from, to): (f64, f64),
        count: usize,
    ) -> Vec<(f64, Option<Point>)> {
        let (Some(began), Some(history)) = (self.began, self.of.get(name)) else {
            return Vec::new();
        };
        // Before the first picture there are no columns.
        let first = began.duration_since(now).as_secs_f64().max(from);
        if first > to || count == 0 {
            return Vec::new();
        }
        #[allow(clippy::cast_precision_loss)]
        let width = (to - from) / count as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = ((to - first) / width).ceil().max(1.0) as usize;
        #[allow(clippy::cast_precision_loss)]
        let from = to - width * count as f64;
        let moment = |at: f64| {
            let at = since(began, now).as_secs_f64() + at;
            Duration::try_from_secs_f64(at).unwrap_or_default()
        };
        // What is of now belongs to the last column.
        let end = moment(to) + Duration::from_millis(1);
        let found = history.columns(moment(from), end, count);
        let places = (0..count).map(|nth| {
            #[allow(clippy::cast_precision_loss)]
            let nth = nth as f64;
            from + width * (nth + 0.5)
        });
        places.zip(found).collect()
    }
}

fn since(began: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(began)).unwrap_or_default()
}

fn point(view: &ProjectionView, snapshot: &Snapshot) -> Point {
    Point {
        head: snapshot.head,
        checkpoint: view.checkpoint,
        gap: view.lag.gap,
        age: view.lag.age,
        stored: view.rates.stored,
        applied: view.rates.applied,
        p99: view.visibility.map(|visibility| visibility.p99),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing;
    use super::*;

    fn at(snapshot: &Snapshot, second: u64) -> Snapshot {
        Snapshot {
            taken_at: testing::now() + Duration::from_secs(second),
            ..snapshot.clone()
        }
    }

    fn seen(lagging: &Lagging, second: u64) -> Vec<bool> {
        let now = testing::now() + Duration::from_secs(second);
        let columns = lagging.columns("audit", now, (-20.0, 0.0), 20);
        columns.iter().map(|(_, point)| point.is_some()).collect()
    }

    #[test]
    fn what_stood_between_two_pictures_is_no_hole_but_what_nobody_saw_is() {
        let normal = testing::normal();
        let mut lagging = Lagging::default();
        lagging.see(&at(&normal, 0));
        lagging.see(&at(&normal, 8));
        assert_eq!(seen(&lagging, 8), [true; 8], "nothing is before the first");
        let moment = |second| testing::now() + Duration::from_secs(second);
        let unseen = Snapshot {
            unseen: Some((moment(10), moment(16))),
            ..normal
        };
        lagging.see(&at(&unseen, 16));
        lagging.see(&at(&unseen, 17));
        let shown = seen(&lagging, 17);
        assert!(shown[..10].iter().all(|seen| *seen), "{shown:?}");
        assert!(shown[11..15].iter().all(|seen| !seen), "{shown:?}");
        assert!(*shown.last().unwrap(), "{shown:?}");
    }

    #[test]
    fn one_that_is_gone_is_forgotten() {
        let mut lagging = Lagging::default();
        lagging.see(&testing::normal());
        lagging.see(&testing::empty());
        assert!(seen(&lagging, 1).is_empty());
    }
}

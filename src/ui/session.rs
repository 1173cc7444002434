//! The model with the questions that it has under way: all of the dashboard's loop but the terminal, so that one
//! picture comes about as the screen does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Size;
use tokio::sync::mpsc;
use tokio::time::interval;

use super::answer::answer;
use super::journal::Journal;
use super::options::UiOptions;
use super::run::UiError;
use super::state::{Model, Tone};
use super::update::{Effect, Msg, begin, update};
use crate::event::Timestamp;
use crate::workspace::{Looking, Operator, Progress, Work};

/// How often somebody is told how far work is that takes its time.
const TELL: Duration = Duration::from_millis(100);

/// What came of a question so far.
#[derive(Debug)]
pub enum Told {
    /// How far it is; more will come.
    Progress(Msg),
    /// All of it: the answer, where there is one.
    Done(Option<Msg>),
}

/// The model, and what it asks the workspace for.
pub struct Session {
    operator: Operator,
    /// Everything that the dashboard knows.
    pub model: Model,
    /// What the updates asked for and nobody has carried out yet.
    pub effects: Vec<Effect>,
    /// The number of the newest of the program's messages that was taken in.
    logged: u64,
    send: mpsc::UnboundedSender<Told>,
    answers: mpsc::UnboundedReceiver<Told>,
    /// How many questions are not done.
    under_way: usize,
    /// What takes its time, by its number, while somebody looks.
    going: HashMap<u64, Going>,
}

/// Work that takes its time.
enum Going {
    /// A read model's past, with its files.
    Looking(Looking),
    /// A read model is verified.
    Verifying(Work),
}

impl Going {
    fn work(&self) -> &Work {
        match self {
            Self::Looking(looking) => looking.work(),
            Self::Verifying(work) => work,
        }
    }
}

/// What nobody looks at any more does not go on.
impl Drop for Going {
    fn drop(&mut self) {
        self.work().stop();
    }
}

impl Session {
    /// The model of the picture that there is, as the options ask for it. Nothing is asked yet.
    pub fn new(operator: Operator, options: &UiOptions, size: Size) -> Self {
        let snapshot = operator.snapshots().borrow().clone();
        let mut model = Model::new(snapshot, operator.commands(), size);
        model.read_only = options.read_only;
        model.mouse = options.mouse;
        model.theme = options.theme;
        model.keys = options.keys.clone();
        model.columns.clone_from(&options.columns);
        if let Some(warning) = &options.warning {
            model.say(Tone::Bad, warning);
        }
        model.load = operator.load();
        model.faults = operator.allows_faults();
        model.history = operator.typed();
        if let Some(load) = model.load.filter(|load| *load > 0.0) {
            model.load_set = load;
        }
        let (send, answers) = mpsc::unbounded_channel();
        Self {
            operator,
            model,
            effects: Vec::new(),
            logged: 0,
            send,
            answers,
            under_way: 0,
            going: HashMap::new(),
        }
    }

    /// Shows the first screen that the options ask for. Errors: it cannot be of what they say.
    pub fn begin(&mut self, options: &UiOptions) -> Result<(), UiError> {
        let effects = begin(&mut self.model, options.start, options.of.as_deref());
        self.effects.extend(effects.map_err(UiError::Of)?);
        Ok(())
    }

    /// Takes a message in.
    pub fn update(&mut self, msg: Msg) {
        let effects = update(&mut self.model, Timestamp::now(), msg);
        self.effects.extend(effects);
    }

    /// Takes in what the program said since the last time, if anything.
    pub fn logged(&mut self) -> bool {
        let messages = Journal::of_process().after(self.logged);
        let Some(last) = messages.last() else {
            return false;
        };
        self.logged = last.number;
        self.update(Msg::Logged(messages));
        true
    }

    /// Waits for what comes of the questions next; for ever where there is none.
    pub async fn told(&mut self) -> Told {
        match self.answers.recv().await {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }

    /// What came of them already, if anything.
    pub fn told_already(&mut self) -> Option<Told> {
        self.answers.try_recv().ok()
    }

    /// The message in what came of a question.
    pub fn take(&mut self, told: Told) -> Option<Msg> {
        match told {
            Told::Progress(msg) => Some(msg),
            Told::Done(msg) => {
                self.under_way -= 1;
                msg
            }
        }
    }

    /// Asks the workspace until there is nothing more to ask and everything is answered. What only a terminal can do
    /// is left out.
    pub async fn settle(&mut self) {
        loop {
            for effect in std::mem::take(&mut self.effects) {
                self.ask(effect);
            }
            self.end_what_nobody_waits_for();
            if self.under_way == 0 {
                return;
            }
            let told = self.told().await;
            if let Some(msg) = self.take(told) {
                self.update(msg);
            }
        }
    }

    /// Asks the workspace for what an effect is about; the answer comes back as a message.
    pub fn ask(&mut self, effect: Effect) {
        match effect {
            Effect::SetLoad(rate) => {
                self.operator.set_load(rate);
                self.model.load = self.operator.load();
            }
            Effect::Look {
                number,
                projection,
                at,
                shown,
            } => {
                let looking = self.looking(number, &projection);
                looking.work().again();
                self.watch(number, looking.work().clone(), async move {
                    let result = looking.look(at, shown).await;
                    let result = result.map(Arc::new).map_err(|e| e.to_string());
                    Msg::Looked { number, result }
                });
            }
            Effect::Verify { number, projection } => {
                let (operator, work) = (self.operator.clone(), Work::new());
                self.going.insert(number, Going::Verifying(work.clone()));
                self.watch(number, work.clone(), async move {
                    let result = operator.verify(&projection, &work).await;
                    let result = result.map(Box::new).map_err(|e| e.to_string());
                    Msg::Verified { number, result }
                });
            }
            Effect::BreakOff { number } => {
                if let Some(going) = self.going.get(&number) {
                    going.work().stop();
                }
            }
            asked => {
                let operator = self.operator.clone();
                self.spawn(|_| async move { answer(&operator, asked).await });
            }
        }
    }

    /// Breaks off the work that nobody looks at any more.
    pub fn end_what_nobody_waits_for(&mut self) {
        let model = &self.model;
        let gone = |number: &u64, _: &mut Going| !model.waits_for(*number);
        let gone: Vec<_> = self.going.extract_if(gone).collect();
        if !gone.is_empty() {
            // Files are closed and removed, which takes its time too.
            tokio::task::spawn_blocking(move || drop(gone));
        }
    }

    /// The past with this number, begun where it is not there yet.
    fn looking(&mut self, number: u64, projection: &str) -> Looking {
        if let Some(Going::Looking(looking)) = self.going.get(&number) {
            return looking.clone();
        }
        let looking = self.operator.looking(projection);
        let going = Going::Looking(looking.clone());
        self.going.insert(number, going);
        looking
    }

    /// Has a question answered aside.
    fn spawn<F>(&mut self, task: impl FnOnce(mpsc::UnboundedSender<Told>) -> F)
    where
        F: Future<Output = Option<Msg>> + Send + 'static,
    {
        self.under_way += 1;
        let send = self.send.clone();
        let task = task(send.clone());
        tokio::spawn(async move {
            let msg = task.await;
            // Nobody listens any more only when the dashboard has ended.
            let _ = send.send(Told::Done(msg));
        });
    }

    /// Has work done that takes its time, and tells how far it is while that changes.
    fn watch(&mut self, number: u64, work: Work, task: impl Future<Output = Msg> + Send + 'static) {
        self.spawn(|send| async move {
            let mut task = std::pin::pin!(task);
            let mut ticks = interval(TELL);
            // The first tick is at once: what is quick is not told of.
            ticks.tick().await;
            let mut told = Progress::default();
            loop {
                tokio::select! {
                    done = &mut task => return Some(done),
                    _ = ticks.tick() => {}
                }
                let progress = work.progress();
                if progress != told {
                    told = progress;
                    let _ = send.send(Told::Progress(Msg::Progress { number, progress }));
                }
            }
        });
    }
}

//! `demo [DIR]`: a workspace with a shop in it, and a gentle load, so that there is something to look at
//! from the first second.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use highwater::shop::load::{self, Load};
use highwater::text::program;
use highwater::workspace::{
    CONFIG_FILE, Consistency, FaultError, FaultOrder, Folder, Operator, Workspace,
};
use tokio::sync::watch;

use super::context::{stop, warn_of_problems};
use super::screen::{self, Options};
use super::{Exit, Failure, shop, tracing_to};

/// What `demo` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to put it, to edit its files; else it is in your data folder
    dir: Option<PathBuf>,
    /// Begin with an empty log; files that were edited stay
    #[arg(long)]
    fresh: bool,
    /// Commands a second that the load sends
    #[arg(long, default_value_t = 4.0, value_parser = rate, value_name = "N")]
    rate: f64,
    /// The same seed gives the same load
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// A fault to begin with, to see what comes of it: 'slow orders 20ms', 'poison stock', 'poison orders
    /// OrderPlaced'; :fault stop ends it. Can be given several times
    #[arg(long, value_parser = fault, value_name = "FAULT")]
    fault: Vec<FaultOrder>,
    #[command(flatten)]
    screen: Options,
}

fn fault(text: &str) -> Result<FaultOrder, String> {
    match text.parse::<FaultOrder>().map_err(|e| e.to_string())? {
        FaultOrder::Stop { .. } => Err("there is no fault yet that could stop".to_owned()),
        order => Ok(order),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("give a number from 0 to 100000".to_owned()),
    }
}

/// The demo's files: where each goes, and what is in it.
const FILES: [(&str, &str); 11] = [
    ("README.md", include_str!("../../demo/README.md")),
    (CONFIG_FILE, include_str!("../../demo/highwater.toml")),
    (
        "projections/activity.sql",
        include_str!("../../demo/projections/activity.sql"),
    ),
    (
        "projections/customers.sql",
        include_str!("../../demo/projections/customers.sql"),
    ),
    (
        "projections/letters.sql",
        include_str!("../../demo/projections/letters.sql"),
    ),
    (
        "projections/order_search.sql",
        include_str!("../../demo/projections/order_search.sql"),
    ),
    (
        "projections/orders.sql",
        include_str!("../../demo/projections/orders.sql"),
    ),
    (
        "projections/orders_before.sql",
        include_str!("../../demo/projections/orders_before.sql"),
    ),
    (
        "projections/parcels.sql",
        include_str!("../../demo/projections/parcels.sql"),
    ),
    (
        "projections/revenue.sql",
        include_str!("../../demo/projections/revenue.sql"),
    ),
    (
        "projections/stock.sql",
        include_str!("../../demo/projections/stock.sql"),
    ),
];

/// Shows that a folder was made here: the load goes into no other workspace, and no other is emptied.
const MARK: &str = ".highwater-demo";

/// What the mark says to whoever finds it.
const MARK_TEXT: &str = "This workspace was made by `highwater demo`, which fills it with invented \
                         customers and orders.\n";

/// Opens it, starts the engine and the load, and shows it.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    args.screen.check()?;
    let path = match args.dir {
        Some(path) => path,
        None => data_folder()?,
    };
    let folder = prepare(&path)?;
    if args.fresh {
        // Nothing is removed for somebody who has made a mistake.
        if let Ok(workspace) = shop().open(folder.clone()) {
            inject(&workspace, &args.fault)?;
        }
        empty(&folder)?;
    }
    let workspace = shop().open(folder)?;
    inject(&workspace, &args.fault)?;
    tracing_to::file(&workspace.folder().data());
    warn_of_problems(&workspace);
    let mut engine = workspace.start(None)?;
    engine.ready().await;
    let head = workspace.log().head().await?;
    let load = Load::after(args.seed, head);
    let shown = if args.screen.once() {
        fill(&workspace, load).await?;
        screen::show(args.screen, workspace.operator().await?).await
    } else {
        let operator = begin_load(&workspace, load, args.rate).await?;
        screen::show(args.screen, operator).await
    };
    stop(engine).await;
    shown
}

/// Allows faults, and injects those that are wanted from the beginning.
fn inject(workspace: &Workspace, faults: &[FaultOrder]) -> Result<(), Failure> {
    workspace.allow_faults();
    for order in faults {
        workspace.inject(order).map_err(|error| match error {
            FaultError::Elsewhere { .. } => Failure::failed(error),
            _ => Failure::usage(error),
        })?;
    }
    Ok(())
}

/// How many commands there are in a picture without a screen.
const COMMANDS: usize = 150;

/// Sends some of the load at once, and waits until the `live` read models have what came of it.
async fn fill(workspace: &Workspace, mut load: Load) -> Result<(), Failure> {
    for _ in 0..COMMANDS {
        let (request, _) = load.next(1.0);
        workspace.send(request).await?;
    }
    let parameters = [("status".to_owned(), "placed".to_owned())].into();
    let asked = workspace
        .query(
            "orders",
            "ListOrders",
            &parameters,
            Consistency::Strong,
            highwater::workspace::PATIENCE,
        )
        .await;
    // Somebody may have edited it away, or paused it: then the picture shows that.
    drop(asked);
    Ok(())
}

/// Starts the load, and gives the handle through which its rate is set.
async fn begin_load(workspace: &Workspace, load: Load, rate: f64) -> Result<Operator, Failure> {
    let (set_rate, rate) = watch::channel(rate);
    let sender = workspace.clone();
    let send = move |request| {
        let workspace = sender.clone();
        async move { workspace.send(request).await.map(|sent| sent.outcome) }
    };
    // It ends with the handle: then nobody can change its rate any more.
    tokio::spawn(load::run(load, rate, std::future::pending(), send));
    Ok(workspace.operator().await?.with_load(set_rate))
}

/// Where the demo is, unless somebody says otherwise.
fn data_folder() -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy().map_err(|e| {
        Failure::failed(format!(
            "your data folder is not known ({e}): say where the demo shall be, as `{program} demo DIR`", program = program()))
    })?;
    Ok(base.data_dir().join("highwater").join("demo"))
}

/// Makes the folder a demo workspace where it is none. A folder with something else in it is left as it is.
fn prepare(path: &Path) -> Result<Folder, Failure> {
    let fail = |e: io::Error| Failure::failed(format!("{}: {e}", path.display()));
    let marked = path.join(MARK).is_file();
    if !marked && !is_empty(path).map_err(fail)? {
        let what = if path.join(CONFIG_FILE).exists() {
            let program = program();
            format!(
                "it is a workspace that `{program} demo` did not make, and invented orders shall not get into it. \
                 Open it with `{program} -w`"
            )
        } else {
            "it is not empty. Give a new folder, or an empty one".to_owned()
        };
        return Err(Failure::failed(format!("{}: {what}", path.display())));
    }
    if !marked {
        write_files(path).map_err(fail)?;
    }
    Ok(Folder::existing(path)?)
}

fn is_empty(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}

/// The mark comes last: a folder that was left in the middle is not taken for a whole one.
fn write_files(path: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let file = path.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)?;
    }
    fs::write(path.join(MARK), MARK_TEXT)
}

/// Removes the log and the read models, and nothing else.
fn empty(folder: &Folder) -> Result<(), Failure> {
    let data = folder.data();
    let shown = data.display();
    if !data.exists() {
        return Ok(());
    }
    let workspace = shop().open(folder.clone());
    if let Some(pid) = workspace.ok().and_then(|workspace| workspace.engine()) {
        return Err(Failure::failed(format!(
            "{shown}: process {pid} works with it: stop that first"
        )));
    }
    fs::remove_dir_all(&data)
        .map_err(|e| Failure::failed(format!("{shown} cannot be removed: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater::read::SqlProjection;

    #[test]
    fn the_demo_has_each_of_its_files_and_every_projection_is_sound() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
        let there = fs::read_dir(root.join("projections")).unwrap().count();
        assert_eq!(there, FILES.len() - 2);
        for (name, text) in &FILES[2..] {
            let name = Path::new(name).file_stem().unwrap().to_str().unwrap();
            if let Err(error) = SqlProjection::parse(name, text) {
                panic!("{error}");
            }
        }
    }
}

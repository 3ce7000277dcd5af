//! What is kept: how long the doctor takes, export, import and a reset, and what seals cost.
//!
//! The payments are one that was initiated, approved and captured under a key, written down a million
//! times under other names; so every one has its answer, its callback and its place in an app.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, bail};
use clap::Args;
use sandkasse_engine::{
    Settings,
    doctor::{With, examine},
    moving::{Export, Import},
};
use sandkasse_store::{
    Row, Sealer, SqliteStore, Store,
    lines::{self, Line},
};
use sandkasse_testkit::World;
use sandkasse_vault::Vault;
use tokio::task::JoinSet;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// So many payments are examined, moved and forgotten.
    #[arg(long, default_value_t = 1_000_000)]
    payments: usize,
    /// So many payments are initiated with seals and without, in each round.
    #[arg(long, default_value_t = 100_000)]
    initiates: usize,
    /// So many rounds with and without seals.
    #[arg(long, default_value_t = 5, value_parser = crate::subject::at_least_one)]
    rounds: usize,
    /// Where data may lie, on a disk.
    #[arg(long)]
    data: PathBuf,
}

/// The order whose name stands for all others.
const TEMPLATE: &str = "template-0000000";
/// So many payments are filled in one transaction.
const PORTION: usize = 1_000;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let folder = &options.data.join("kept");
    std::fs::remove_dir_all(folder).ok();
    std::fs::create_dir_all(folder)?;
    let mut told =
        String::from("### Doctor, moving, reset\n\n| What | Payments | Seconds |\n|---|---|---|\n");
    for payments in [options.payments / 100, options.payments] {
        if payments > 0 {
            whole(&folder.join(payments.to_string()), payments, &mut told).await?;
        }
    }
    println!("{told}");
    if options.initiates > 0 {
        println!("{}", seals(folder, options).await?);
    }
    Ok(())
}

/// Fills a store, examines, moves and empties it.
async fn whole(folder: &Path, payments: usize, told: &mut String) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let vault = World::new().await.platform.engine.vault.clone();
    let store = Arc::new(SqliteStore::open(&folder.join("one.db"))?);
    fill(&store, &vault, payments).await?;
    let sealer = Sealer::new(vault.row_seals());
    let with = With {
        vault: Some(&vault),
        sealer: Some(&sealer),
        calls_kept: usize::MAX,
    };
    let mut row = |what: &str, began: Instant| {
        let seconds = began.elapsed().as_secs_f64();
        eprintln!("{what}, {payments}: {seconds:.3} s");
        writeln!(told, "| {what} | {payments} | {seconds:.3} |")
    };

    let began = Instant::now();
    let report = examine(&*store, with, |_| {}).await?;
    row("doctor", began)?;
    if !report.is_clean() || report.payments != payments as u64 || report.unsealed > 0 {
        bail!("the doctor found {:?}", report.findings.first());
    }

    let began = Instant::now();
    let rows = store.rows(None).await?;
    let mut export = Export::new(rows, jiff::Timestamp::UNIX_EPOCH, &vault);
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join("all.jsonl"))?);
    while let Some(more) = export.next().await? {
        std::io::Write::write_all(&mut file, &more.lines)?;
    }
    std::io::Write::flush(&mut file)?;
    row("export", began)?;

    let other = SqliteStore::open(&folder.join("other.db"))?;
    let began = Instant::now();
    let mut import = Import::begin(&other, &vault).await?;
    let file = std::io::BufReader::new(std::fs::File::open(folder.join("all.jsonl"))?);
    for line in std::io::BufRead::split(file, b'\n') {
        import.line(&line?).await?;
    }
    import.end().await?;
    row("import", began)?;
    other.close().await;

    let began = Instant::now();
    store.clear(&[]).await?;
    row("reset", began)?;
    store.close().await;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// The directory of a world, and its one payment many times.
async fn fill(store: &Arc<SqliteStore>, vault: &Vault, payments: usize) -> anyhow::Result<()> {
    let sealer = Sealer::new(vault.row_seals());
    store.seal_with(sealer.clone()).await?;
    let world = World::with(store.clone(), Settings::default()).await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.reserved(TEMPLATE, 5_000, &kari).await;
    shop.capture_as("c1", TEMPLATE, 1_000).await.ok();
    let unit = shop.unit().partition();
    let mut template = Vec::new();
    let mut rows = store.rows(Some(&unit)).await?;
    while let Some(row) = rows.next().await {
        let mut text = Vec::new();
        lines::write_row(&unsealed(row?), &mut text)?;
        let text = String::from_utf8(text)?.trim_end().to_owned();
        template.push(text);
    }
    // The call's id is the one text besides the order that must differ.
    let call = shop.calls(TEMPLATE).await;
    let id = call.first().context("a callback is owed")?.call.id.clone();
    store.replace(&unit, Vec::new()).await?;
    let mut done = 0;
    while done < payments {
        let until = payments.min(done + PORTION);
        // A store tells records, then answers, then calls; each group by itself may be filled.
        let mut rows: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
        for number in done..until {
            let order = format!("template-{:07}", number + 1);
            for line in &template {
                let line = line.replace(TEMPLATE, &order);
                let line = line.replace(&id, &format!("call-{number}"));
                let Line::Row(row) = lines::read(line.as_bytes())? else {
                    bail!("a template is rows");
                };
                rows.entry(number).or_default().push(row);
            }
        }
        let mut rows: Vec<Row> = rows.into_values().flatten().collect();
        sealer.seal_missing(&mut rows);
        store.fill(rows).await?;
        done = until;
        eprint!("\rfilled {done}");
    }
    eprintln!();
    Ok(())
}

fn unsealed(mut row: Row) -> Row {
    match &mut row {
        Row::Directory { seal, .. }
        | Row::Record { seal, .. }
        | Row::Event { seal, .. }
        | Row::Reply { seal, .. } => *seal = None,
        Row::Call {
            seal, begun, ended, ..
        } => (*seal, *begun, *ended) = (None, None, None),
        Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => {}
    }
    row
}

/// What seals cost an initiate, without sockets: alternately with and without.
async fn seals(folder: &Path, options: &Options) -> anyhow::Result<String> {
    let mut told = String::from(
        "### Seals\n\n| Round | Without, per second | With | CPU µs without | With |\n|---|---|---|---|---|\n",
    );
    let mut costs = Vec::new();
    for round in 0..options.rounds {
        let order = if round % 2 == 0 {
            [false, true]
        } else {
            [true, false]
        };
        let mut figures = [(0.0, 0.0); 2];
        for is_sealed in order {
            let file = folder.join("seals.db");
            for end in ["db", "db-wal", "db-shm"] {
                std::fs::remove_file(file.with_extension(end)).ok();
            }
            let figure = initiates(&file, options.initiates, is_sealed).await?;
            if let Some(slot) = figures.get_mut(usize::from(is_sealed)) {
                *slot = figure;
            }
        }
        let [(without, cpu_without), (with, cpu_with)] = figures;
        costs.push(cpu_with / cpu_without - 1.0);
        writeln!(
            told,
            "| {} | {without:.0} | {with:.0} | {cpu_without:.1} | {cpu_with:.1} |",
            round + 1
        )?;
    }
    costs.sort_by(f64::total_cmp);
    let median = costs.get(costs.len() / 2).copied().unwrap_or_default();
    writeln!(
        told,
        "\nMedian of the rounds: {:+.1} % CPU per initiate.",
        median * 100.0
    )?;
    Ok(told)
}

/// Initiates per second, and CPU microseconds of this process for each.
async fn initiates(file: &Path, count: usize, is_sealed: bool) -> anyhow::Result<(f64, f64)> {
    let store = Arc::new(SqliteStore::open(file)?);
    if is_sealed {
        let vault = World::new().await.platform.engine.vault.clone();
        store.seal_with(Sealer::new(vault.row_seals())).await?;
    }
    let world = World::with(store.clone(), Settings::default()).await;
    let shop = world
        .shop(|facts| facts.rate_limits = sandkasse_domain::sales_unit::RateLimits::Off)
        .await;
    let ask = shop.ask("POST", "/ecomm/v2/payments").await;
    let request = ask.request().clone();
    let body = shop.initiate_body(TEMPLATE, 1_000).to_string();
    let (began, cpu) = (Instant::now(), cpu_seconds()?);
    let mut workers = JoinSet::new();
    const WORKERS: usize = 64;
    for worker in 0..WORKERS {
        let (platform, request, body) = (world.platform.clone(), request.clone(), body.clone());
        workers.spawn_local(async move {
            let mut made = 0;
            for number in (worker..count).step_by(WORKERS) {
                let mut request = request.clone();
                let order = format!("template-{:07}", number + 1);
                request.body = body.replace(TEMPLATE, &order).into();
                let answer = platform
                    .answer(sandkasse_domain::Environment::Test, &request)
                    .await;
                made += usize::from(answer.answer.status == 200);
            }
            made
        });
    }
    let made: usize = workers.join_all().await.into_iter().sum();
    if made != count {
        bail!("{made} of {count} initiates were accepted");
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    #[expect(clippy::cast_precision_loss, reason = "counts of a measurement")]
    let count = count as f64;
    store.close().await;
    Ok((count / seconds, cpu / count * 1e6))
}

/// User and system time of this process.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').context("a process has a name")?;
    let ticks: f64 = rest
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / 100.0)
}

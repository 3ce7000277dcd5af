//! `sandkasse doctor`: whether everything is as this program wrote it.

use std::{fmt::Write as _, time::Instant};

use bytes::Bytes;
use http::{Method, StatusCode};
use sandkasse_engine::doctor::{Report, Severity, With, examine};
use sandkasse_store::Sealer;

use super::{open, progress::Progress, wait_for};
use crate::{Ended, cli::DoctorWish, http_client::Door, output, parts::Opening, start::CALLS_KEPT};

/// Examines and prints. Findings are a failure.
pub(crate) fn run(wish: &DoctorWish) -> Result<(), Ended> {
    wait_for(async {
        let (text, found) = match &wish.portal {
            Some(portal) => of_platform(&Door::of(portal, &wish.trust)?, wish).await?,
            None => of_database(wish).await?,
        };
        output::say(&text);
        match found {
            0 => Ok(()),
            1 => Err(Ended::Failed("1 finding".to_owned())),
            more => Err(Ended::Failed(format!("{more} findings"))),
        }
    })
}

/// What to print, and how much was found.
async fn of_database(wish: &DoctorWish) -> Result<(String, u64), Ended> {
    let began = Instant::now();
    let data = open(&wish.place, Opening::Look).await?;
    let sealer = Sealer::new(data.vault.row_seals());
    let with = With {
        vault: Some(&data.vault),
        sealer: Some(&sealer),
        calls_kept: CALLS_KEPT,
    };
    let mut progress = Progress::new("examined");
    let report = examine(&*data.store, with, |rows| progress.at(rows))
        .await
        .map_err(|error| Ended::Failed(error.to_string()))?;
    progress.end(report.rows.all());
    data.store.close().await;
    let found = report.findings.len() as u64 + report.more;
    let text = if wish.json {
        json(&report)
    } else {
        let seconds = began.elapsed().as_secs_f64();
        format!("{}in {seconds:.1} s\n", text(&report))
    };
    Ok((text, found))
}

/// The running platform examines itself; its report is printed as it is.
async fn of_platform(door: &Door, wish: &DoctorWish) -> Result<(String, u64), Ended> {
    let token = wish.place.token.as_deref();
    let answer = door
        .call(Method::GET, "/doctor", token, Bytes::new())
        .await?;
    let status = answer.status;
    let body = answer.rest().await?;
    let report: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let Some(report) = report.filter(|_| status == StatusCode::OK) else {
        return Err(door.refused(status, &body));
    };
    let findings = report.get("findings").and_then(|it| it.as_array());
    let more = report.get("more").and_then(serde_json::Value::as_u64);
    let found = findings.map_or(0, Vec::len) as u64 + more.unwrap_or(0);
    Ok((format!("{report:#}\n"), found))
}

fn json(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("plain structs always serialise");
    format!("{text}\n")
}

/// The report in words.
fn text(report: &Report) -> String {
    let mut text = String::new();
    for it in &report.findings {
        let word = match it.severity {
            Severity::Grave => "grave ",
            Severity::Slight => "slight",
        };
        let _ = writeln!(
            text,
            "{word}  {}\n        {}\n        {}",
            it.place, it.what, it.remedy
        );
    }
    if report.more > 0 {
        let _ = writeln!(text, "        and {} more", report.more);
    }
    let rows = &report.rows;
    let _ = write!(
        text,
        "{} payments, {} other records, {} events, {} answers, {} calls, {} entries of the directory, {} lines of the \
         audit log: ",
        report.payments,
        rows.records.saturating_sub(report.payments),
        rows.events,
        rows.replies,
        rows.calls,
        rows.directory,
        rows.audit
    );
    let _ = match report.findings.len() as u64 + report.more {
        0 => writeln!(text, "all as they were written"),
        1 => writeln!(text, "1 finding"),
        more => writeln!(text, "{more} findings"),
    };
    if report.unsealed > 0 {
        let _ = writeln!(
            text,
            "{} of the rows have no seal, so a careful change of them may not show",
            report.unsealed
        );
    }
    text
}

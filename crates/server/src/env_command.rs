//! `sandkasse env`: asks the running platform for keys, and prints them.

use http::StatusCode;

use crate::{
    Ended,
    cli::EnvWish,
    control::env::Keys,
    http_client::{self, NoAnswer},
    output,
};

/// Asks and prints.
pub(crate) fn run(wish: &EnvWish) -> Result<(), Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Ended::Failed(error.to_string()))?;
    let keys = runtime.block_on(ask(wish))?;
    output::say(&output::lines(&keys, wish.format));
    Ok(())
}

async fn ask(wish: &EnvWish) -> Result<Keys, Ended> {
    let portal = wish.portal.as_str();
    let Some(authority) = portal.strip_prefix("http://") else {
        return Err(Ended::WrongUse(format!(
            "{portal}: only http:// is spoken here; name the portal's own address with `--portal`"
        )));
    };
    let (authority, folder) = match authority.split_once('/') {
        Some((authority, folder)) => (authority, format!("/{folder}")),
        None => (authority, String::new()),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("environment", wish.environment().name());
    if let Some(unit) = &wish.unit {
        query.append_pair("unit", unit);
    }
    let path = format!("{folder}/control/v1/env?{}", query.finish());
    let answer = http_client::get(authority, &path, wish.token.as_deref()).await;
    let (status, body) = answer.map_err(|error| match error {
        NoAnswer::NotThere(error) => Ended::Failed(format!(
            "no platform at {portal} ({error}): start one with `sandkasse`, or say where its portal is with `--portal URL`"
        )),
        NoAnswer::Broken(error) => Ended::Failed(format!("{portal} does not answer as a portal does: {error}")),
    })?;
    read(portal, status, &body)
}

fn read(portal: &str, status: StatusCode, body: &[u8]) -> Result<Keys, Ended> {
    #[derive(serde::Deserialize)]
    struct Problem {
        detail: String,
    }
    if status == StatusCode::OK
        && let Ok(keys) = serde_json::from_slice(body)
    {
        return Ok(keys);
    }
    Err(Ended::Failed(
        match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => problem.detail,
            Err(_) => format!(
                "{portal} is no portal of sandkasse (status {status}): name its address with `--portal`"
            ),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match read("http://127.0.0.1:7482", status, body.as_bytes()) {
            Ok(_) => panic!("these are no keys"),
            Err(ended) => ended.to_string(),
        }
    }

    #[test]
    fn what_the_portal_says_is_passed_on() {
        assert_eq!(
            message(404, r#"{"detail":"there is no such unit","status":404}"#),
            "there is no such unit"
        );
        assert!(message(200, "<html>").contains("no portal of sandkasse"));
        assert!(message(502, "").contains("502"));
    }
}

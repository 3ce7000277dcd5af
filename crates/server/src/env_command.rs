//! `sandkasse env`: asks the running platform for keys, and prints them.

use http::StatusCode;

use crate::{Ended, cli::EnvWish, control::env::Keys, http_client::Door, output};

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

/// What the platform says.
pub(crate) async fn ask(wish: &EnvWish) -> Result<Keys, Ended> {
    let door = Door::of(&wish.portal, &wish.trust)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("environment", wish.environment().name());
    if let Some(unit) = &wish.unit {
        query.append_pair("unit", unit);
    }
    let path = format!("/env?{}", query.finish());
    let (status, body) = door.get(&path, wish.token.as_deref()).await?;
    read(&door, status, &body)
}

fn read(door: &Door, status: StatusCode, body: &[u8]) -> Result<Keys, Ended> {
    if status == StatusCode::OK
        && let Ok(keys) = serde_json::from_slice(body)
    {
        return Ok(keys);
    }
    Err(door.refused(status, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{tls::SPEAK_HTTPS, trust::TrustFlags};

    fn message(status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        let portal = "http://127.0.0.1:7482".parse().unwrap();
        let door = Door::of(&portal, &TrustFlags::default()).unwrap();
        match read(&door, status, body.as_bytes()) {
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
        assert!(message(400, SPEAK_HTTPS).contains("--portal https://127.0.0.1:7482"));
    }
}

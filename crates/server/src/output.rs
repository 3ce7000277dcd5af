//! What people read on standard output and standard error, besides the log.

use std::io::Write;

use crate::{cli::Format, control::env::Keys};

/// Says why the program ends.
#[expect(
    clippy::print_stderr,
    reason = "for the person who started it, not for the log"
)]
pub(crate) fn complain(message: &str) {
    eprintln!("sandkasse: {message}");
}

/// Prints a text that is complete. A reader who has gone is no error.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // `sandkasse | head` closes the pipe.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What is told about a platform that has just started.
pub(crate) struct Banner<'a> {
    pub(crate) test: &'a str,
    pub(crate) production: &'a str,
    pub(crate) portal: &'a str,
    /// Where the authority is that vouches for their certificate, if it was made here.
    pub(crate) authority: Option<&'a str>,
    /// Where the data is.
    pub(crate) data: &'a str,
    /// Keys of the demo unit of the test environment, if those that everybody knows are in use.
    pub(crate) demo: Option<&'a Keys>,
}

impl Banner<'_> {
    /// The text.
    pub(crate) fn text(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let Banner {
            test,
            production,
            portal,
            authority,
            data,
            demo,
        } = self;
        let curl = authority.map_or("curl".to_owned(), |it| format!("curl --cacert {it}"));
        let mut text = format!(
            "Sandkasse {version}: a Vipps MobilePay of your own, with play money.\n\n\
             \x20 test         {test}\n\
             \x20 production   {production}\n\
             \x20 portal       {portal}\n\
             \x20 data         {data}\n\n"
        );
        match demo {
            Some(keys) => {
                text.push_str("Keys of the demo sales unit, test environment (more: `sandkasse env --help`):\n\n");
                for line in lines(keys, Format::Dotenv).lines() {
                    text.push_str(&format!("  {line}\n"));
                }
                text.push_str(&format!(
                    "\nA first call, for an access token:\n\n\
                     \x20 {curl} -X POST {test}/accesstoken/get \\\n\
                     \x20   -H 'client_id: {}' \\\n\
                     \x20   -H 'client_secret: {}' \\\n\
                     \x20   -H 'Ocp-Apim-Subscription-Key: {}'\n",
                    keys.client_id, keys.client_secret, keys.subscription_key
                ));
            }
            None => text.push_str(&format!(
                "Keys of a sales unit: `sandkasse env --portal {portal}`; a new one: POST {portal}/control/v1/sales-units\n"
            )),
        }
        text.push_str(&format!(
            "\nThe control API makes sales units and persons, pays, and moves time: {portal}/control/v1/openapi.json\n\
             Flags and examples: `sandkasse --help`\n"
        ));
        text
    }
}

/// Keys as `sandkasse env` prints them.
pub(crate) fn lines(keys: &Keys, format: Format) -> String {
    match format {
        Format::Json => {
            let json = serde_json::to_string_pretty(keys).expect("texts always serialise");
            format!("{json}\n")
        }
        Format::Dotenv => keys
            .pairs()
            .iter()
            .map(|(name, value)| format!("{name}={}\n", quoted(value)))
            .collect(),
    }
}

/// In single quotes, where a shell and a dotenv file change nothing.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys {
            base_url: "http://127.0.0.1:7480".to_owned(),
            client_id: "5a4d0000-0000-4000-8000-000000000001".to_owned(),
            client_secret: "c2FuZGthc3NlLXRlc3QtMQ==".to_owned(),
            subscription_key: "0a".repeat(16),
            msn: "220001".to_owned(),
            phone: "4741000001".to_owned(),
        }
    }

    #[test]
    fn a_shell_takes_the_lines_as_they_are() {
        let mut awkward = keys();
        awkward.client_secret = "it's $HOME \"==\"".to_owned();
        let script = format!(
            "{}\nprintf %s \"$CLIENT_SECRET\"",
            lines(&awkward, Format::Dotenv)
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert_eq!(output.stdout, awkward.client_secret.as_bytes());
    }

    #[test]
    fn json_has_the_same_names() {
        let json: serde_json::Value = serde_json::from_str(&lines(&keys(), Format::Json)).unwrap();
        for (name, value) in keys().pairs() {
            assert_eq!(json[name], value, "{name}");
        }
    }

    #[test]
    fn the_banner_shows_a_call_that_works() {
        let keys = keys();
        let mut banner = Banner {
            test: "http://127.0.0.1:7480",
            production: "http://127.0.0.1:7481",
            portal: "http://127.0.0.1:7482",
            authority: None,
            data: "in memory",
            demo: Some(&keys),
        };
        let text = banner.text();
        for part in [
            "test         http://127.0.0.1:7480\n",
            "curl -X POST http://127.0.0.1:7480/accesstoken/get",
            "CLIENT_SECRET='c2FuZGthc3NlLXRlc3QtMQ=='",
            "PHONE='4741000001'",
        ] {
            assert!(text.contains(part), "{text}");
        }
        banner.authority = Some("ca.pem");
        assert!(banner.text().contains(" curl --cacert ca.pem -X POST"));
        banner.demo = None;
        assert!(!banner.text().contains("CLIENT_SECRET"));
    }
}

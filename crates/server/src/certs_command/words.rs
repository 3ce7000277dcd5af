//! What is said after a certificate was made: how to start with it, and how each kind of client is told to trust it.

use std::{borrow::Cow, fmt::Write as _, path::Path};

use super::{Files, Made};

/// The text. Files stand as they were named, and whole where another folder may be current.
pub(super) fn told(made: &Made, named: &Files, whole: &Files) -> String {
    let names: Vec<_> = made.names.iter().map(ToString::to_string).collect();
    let until = made.until.strftime("%Y-%m-%d");
    let age = match made.is_new {
        true => "made now: tell clients of it",
        false => "the one that clients know",
    };
    let (certificate, key) = (quoted(&named.certificate), quoted(&named.key));
    let ca = quoted(&whole.authority);
    let mut text = format!(
        "A certificate for {}\nuntil {until}, by `{}`, {age}.\n\n\
         Start with it; a running platform takes it in within a minute:\n\n\
         \x20 sandkasse --tls-cert {certificate} --tls-key {key}\n\n\
         Sandkasse's own commands, such as `sandkasse env --portal https://127.0.0.1:7482`, trust the authority in this\n\
         folder; elsewhere with `--ca` or SANDKASSE_CA. Other clients, each in its own way:\n\n",
        names.join(", "),
        made.authority,
    );
    let clients = [
        (
            "curl",
            format!("curl --cacert {ca} https://127.0.0.1:7480/…"),
        ),
        ("Node.js", format!("export NODE_EXTRA_CA_CERTS={ca}")),
        (
            "Python",
            format!("export REQUESTS_CA_BUNDLE={ca} SSL_CERT_FILE={ca}"),
        ),
        (
            "PHP",
            format!("php -d curl.cainfo={ca} -d openssl.cafile={ca} …"),
        ),
        (
            "Go, Ruby, .NET on Linux",
            format!("export SSL_CERT_FILE={ca}"),
        ),
        (
            "Java",
            format!(
                "keytool -importcert -noprompt -alias sandkasse -file {ca} -keystore sandkasse.p12 -storetype PKCS12 \
                 -storepass sandkasse\n      java -Djavax.net.ssl.trustStore=sandkasse.p12 \
                 -Djavax.net.ssl.trustStorePassword=sandkasse …"
            ),
        ),
        (
            "everything on Debian or Ubuntu, .NET too",
            format!(
                "sudo cp {ca} /usr/local/share/ca-certificates/sandkasse.crt && sudo update-ca-certificates"
            ),
        ),
    ];
    for (client, command) in clients {
        let _ = write!(text, "  {client}\n      {command}\n");
    }
    text.push_str(
        "\nSSL_CERT_FILE and REQUESTS_CA_BUNDLE take the place of the machine's authorities, in that shell. More, also for clients\n\
         that know the real hosts only: docs/clients.md\n",
    );
    text
}

/// For a shell.
fn quoted(path: &Path) -> Cow<'_, str> {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

//! Tokens that were pasted, cut, changed or blown up.

use sandkasse_testkit::TOKEN_REJECTED;

use super::stage::Stage;

#[tokio::test]
async fn what_stands_around_the_token() {
    let stage = Stage::new().await;
    let jwt = &stage.token;
    let keys = stage.shop.keys();
    let pasted = stage.shop.ask_token().send().await.body;
    for (authorization, cause) in [
        (String::new(), "token.missing"),
        ("Bearer".to_owned(), "token.missing"),
        ("Bearer ".to_owned(), "token.missing"),
        (jwt.clone(), "token.no_scheme"),
        (format!("bearer {jwt}"), "token.scheme_case"),
        (format!("BEARER {jwt}"), "token.scheme_case"),
        (format!("BeaRer {jwt}"), "token.scheme_case"),
        (format!("Token {jwt}"), "token.no_scheme"),
        (format!("Basic {jwt}"), "token.no_scheme"),
        (format!("Bearer:{jwt}"), "token.no_scheme"),
        (format!("Bearer\t{jwt}"), "token.no_scheme"),
        (format!("Bearer%20{jwt}"), "token.no_scheme"),
        (format!(" Bearer {jwt}"), "token.no_scheme"),
        (format!("\"Bearer {jwt}\""), "token.no_scheme"),
        (format!("é Bearer {jwt}"), "token.no_scheme"),
        (format!("Bearer  {jwt}"), "token.malformed"),
        (format!("Bearer \"{jwt}\""), "token.malformed"),
        (format!("Bearer '{jwt}'"), "token.malformed"),
        (format!("Bearer <{jwt}>"), "token.malformed"),
        (format!("Bearer {jwt},"), "token.malformed"),
        (format!("Bearer {jwt}="), "token.malformed"),
        (format!("Bearer {jwt}, Bearer {jwt}"), "token.malformed"),
        (format!("Bearer Bearer {jwt}"), "token.malformed"),
        (format!("Bearer {pasted}"), "token.malformed"),
        (pasted, "token.no_scheme"),
        ("Bearer undefined".to_owned(), "token.malformed"),
        ("Bearer null".to_owned(), "token.malformed"),
        ("Bearer [object Object]".to_owned(), "token.malformed"),
        (format!("Bearer {}", keys.client_secret), "token.malformed"),
        (format!("Bearer {}", keys.primary), "token.malformed"),
    ] {
        stage.refuses(&authorization, cause).await;
    }
    stage.accepts(jwt).await;
}

#[tokio::test]
async fn changed_cut_and_oversized_tokens() {
    let stage = Stage::new().await;
    let token = &stage.token;
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("three parts")
    };
    let million = "a".repeat(1_000_000);
    for (token, cause) in [
        (".".to_owned(), "token.malformed"),
        ("..".to_owned(), "token.malformed"),
        ("a.b.c".to_owned(), "token.malformed"),
        (".".repeat(5000), "token.malformed"),
        (million.clone(), "token.malformed"),
        (format!("{header}.{million}.{signature}"), "token.malformed"),
        (format!("{token}{million}"), "token.malformed"),
        (format!("{header}.{claims}"), "token.malformed"),
        (format!("{header}.{claims}."), "token.signature"),
        (format!("{header}.{claims}.AAAA"), "token.signature"),
        (format!("{header}..{signature}"), "token.signature"),
        (format!(".{claims}.{signature}"), "token.malformed"),
        (format!("{token}.{signature}"), "token.malformed"),
        (format!("{token}.x.y"), "token.malformed"),
        (format!("{claims}.{header}.{signature}"), "token.malformed"),
        (token.replace('.', "%2E"), "token.malformed"),
        (token.replace('.', " "), "token.malformed"),
        (token.to_lowercase(), "token.malformed"),
    ] {
        stage.refuses_token(&token, cause).await;
    }
    // Cut anywhere, and with any one character changed: the last one holds bits that nobody reads.
    let mut hostile = Vec::new();
    for at in (1..token.len()).step_by(19).chain([token.len() - 1]) {
        hostile.push(token[..at].to_owned());
        let (before, after) = (&token[..at], &token[at + 1..]);
        let other = if &token[at..=at] == "A" { 'B' } else { 'A' };
        hostile.push(format!("{before}{other}{after}"));
    }
    assert!(hostile.len() > 100, "{}", hostile.len());
    for token in hostile {
        let ask = stage.ask.clone();
        let got = ask.header("Authorization", &format!("Bearer {token}"));
        let got = got.send().await;
        let cause = got.cause();
        assert!(
            ["token.malformed", "token.signature"].contains(&cause),
            "{cause} {token}"
        );
        got.answered(401, TOKEN_REJECTED, cause);
    }
    stage.accepts(token).await;
}

//! Somebody who is signed in at the portal.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::http::{self, Connection};

/// A session's cookie, and where the portal is.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) portal: SocketAddr,
    pub(crate) cookie: String,
}

impl Visitor {
    /// Signs in as the first admin, with the stand-in for BankID.
    pub(crate) async fn sign_in(portal: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = Connection::open(portal).await?;
        let request = format!("GET /sign-in HTTP/1.1\r\nHost: {portal}\r\n\r\n");
        let answer = connection.exchange(request.as_bytes()).await?;
        answer.expect(200, "the page to sign in at")?;
        let page = String::from_utf8_lossy(answer.body);
        // The user's id stands in a hidden field before the button that names the role.
        let (before, _) = page.split_once(", admin\"").context("no admin to be")?;
        let (_, id) = before
            .rsplit_once("name=\"user\" value=\"")
            .context("no id of the admin")?;
        let id = id.split('"').next().unwrap_or_default().to_owned();
        let form = format!("user={id}&next=%2Funits");
        let (bankid, browser) = post(&mut connection, portal, "/sign-in", "", &form).await?;
        let (_, cookie) = post(&mut connection, portal, &bankid, &browser, "").await?;
        Ok(Self { portal, cookie })
    }

    /// A page as a request.
    pub(crate) fn request(&self, path: &str) -> String {
        let Self { portal, cookie } = self;
        format!("GET {path} HTTP/1.1\r\nHost: {portal}\r\nCookie: {cookie}\r\n\r\n")
    }

    /// Opens a page so often; how long each time took, and how many bytes came.
    pub(crate) async fn times(
        &self,
        path: &str,
        often: usize,
    ) -> anyhow::Result<(Vec<Duration>, usize)> {
        let mut connection = Connection::open(self.portal).await?;
        let request = self.request(path);
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..often {
            let begun = Instant::now();
            let answer = connection.exchange(request.as_bytes()).await?;
            times.push(begun.elapsed());
            answer.expect(200, path)?;
            bytes = answer.body.len();
        }
        Ok((times, bytes))
    }
}

/// Sends a form; where it leads, and the cookie that it set.
async fn post(
    connection: &mut Connection,
    portal: SocketAddr,
    path: &str,
    cookie: &str,
    form: &str,
) -> anyhow::Result<(String, String)> {
    let headers = format_args!(
        "Host: {portal}\r\nOrigin: http://{portal}\r\nCookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    let request = http::request("POST", path, headers, form);
    let answer = connection.exchange(&request).await?;
    answer.expect(303, path)?;
    let head = String::from_utf8_lossy(answer.head);
    let values = |wanted: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let of_name = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        of_name
            .map(|(_, value)| value.to_owned())
            .collect::<Vec<_>>()
    };
    let location = values("location").into_iter().next();
    let cookies = values("set-cookie").into_iter();
    let pair = |line: String| line.split(';').next().unwrap_or_default().to_owned();
    // One that is taken away is empty.
    let cookie = cookies.map(pair).find(|pair| !pair.ends_with('='));
    let cookie = cookie.context("no cookie was set")?;
    ensure!(!cookie.is_empty(), "an empty cookie");
    Ok((location.context("it leads nowhere")?, cookie))
}

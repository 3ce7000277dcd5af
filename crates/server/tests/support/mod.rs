//! The binary as a child process, a shop that calls it, and a merchant that is called.

pub(crate) mod collector;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP client that hands back every status.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent()
}

/// A running `sandkasse`.
pub(crate) struct Server {
    child: Mutex<Child>,
    /// Base URL of the test environment.
    pub(crate) test: String,
    /// Base URL of production.
    pub(crate) production: String,
    /// Base URL of the portal.
    pub(crate) portal: String,
}

impl Server {
    /// Starts the binary on a folder and waits until its listeners accept.
    pub(crate) fn start(folder: &Path) -> Server {
        Server::start_with(folder, |_| {})
    }

    /// The same with a command that was changed: other arguments, variables, outputs.
    pub(crate) fn start_with(folder: &Path, change: impl FnOnce(&mut Command)) -> Server {
        let program = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
        Server::spawn(folder, program, change)
    }

    /// The same through another program, which is given ours to start.
    pub(crate) fn start_under(folder: &Path, through: impl FnOnce(&str) -> Command) -> Server {
        Server::spawn(folder, through(env!("CARGO_BIN_EXE_sandkasse")), |_| {})
    }

    fn spawn(folder: &Path, mut command: Command, change: impl FnOnce(&mut Command)) -> Server {
        let ready = folder.join("ready.json");
        let _ = std::fs::remove_file(&ready);
        command
            .arg("up")
            .args(["--test", "127.0.0.1:0", "--production", "127.0.0.1:0"])
            .args(["--portal", "127.0.0.1:0"])
            .arg("--database")
            .arg(format!("sqlite:{}", folder.join("sandkasse.db").display()))
            .arg("--ready-file")
            .arg(&ready)
            .current_dir(folder)
            .stdout(Stdio::null());
        change(&mut command);
        let child = command.spawn().unwrap();
        let urls = wait_for("the ready file", || {
            let text = std::fs::read_to_string(&ready).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        });
        let url = |name: &str| {
            urls[name]
                .as_str()
                .unwrap()
                .trim_end_matches('/')
                .to_owned()
        };
        Server {
            child: Mutex::new(child),
            test: url("test"),
            production: url("production"),
            portal: url("portal"),
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.lock().unwrap().id().to_string();
        let done = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(done.unwrap().success());
    }

    /// `SIGTERM`; answers the exit code.
    pub(crate) fn terminate(&self) -> Option<i32> {
        self.signal("TERM");
        self.child.lock().unwrap().wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A sales unit of the running platform, without rate limits, with local callbacks.
pub(crate) struct Shop {
    msn: String,
    subscription_key: String,
    token: String,
    prefix: String,
    /// Someone who can pay.
    pub(crate) phone: String,
}

impl Shop {
    /// Makes the unit through the control API and fetches a token.
    pub(crate) fn create(server: &Server, prefix: &str) -> Shop {
        let agent = agent();
        let unit = post(
            &agent,
            &format!("{}/control/v1/sales-units", server.portal),
            &json!({
                "environment": "test", "name": "kill", "rate_limits": "off", "url_policy": "local",
                "tokens_survive_advance": true,
            }),
        );
        let person = post(
            &agent,
            &format!("{}/control/v1/persons", server.portal),
            &json!({ "environment": "test" }),
        );
        let text = |value: &Value| {
            value
                .as_str()
                .unwrap_or_else(|| panic!("{unit}"))
                .to_owned()
        };
        let mut answer = agent
            .post(format!("{}/accesstoken/get", server.test))
            .header("client_id", text(&unit["client_id"]))
            .header("client_secret", text(&unit["client_secret"]))
            .header(
                "Ocp-Apim-Subscription-Key",
                text(&unit["primary_subscription_key"]),
            )
            .send_empty()
            .unwrap();
        let token: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        Shop {
            msn: text(&unit["msn"]),
            subscription_key: text(&unit["primary_subscription_key"]),
            token: token["access_token"].as_str().unwrap().to_owned(),
            prefix: prefix.to_owned(),
            phone: person["phone"]
                .as_str()
                .unwrap_or_else(|| panic!("{person}"))
                .to_owned(),
        }
    }

    /// What every call of a merchant API sends.
    pub(crate) fn headers(&self) -> [(&str, String); 2] {
        [
            ("Authorization", format!("Bearer {}", self.token)),
            ("Ocp-Apim-Subscription-Key", self.subscription_key.clone()),
        ]
    }

    pub(crate) fn msn(&self) -> &str {
        &self.msn
    }

    pub(crate) fn initiate(&self, order: &str) -> Value {
        json!({
            "customerInfo": { "mobileNumber": self.phone },
            "merchantInfo": {
                "merchantSerialNumber": self.msn,
                "callbackPrefix": self.prefix,
                "fallBack": "https://example.com/vipps/result",
            },
            "transaction": { "orderId": order, "amount": 5000, "transactionText": "Socks" },
        })
    }

    pub(crate) fn modify(&self, amount: u64) -> Value {
        json!({
            "merchantInfo": { "merchantSerialNumber": self.msn },
            "transaction": { "amount": amount, "transactionText": "Part" },
        })
    }

    /// One call; `None` when no whole answer came. An empty path is an initiate's.
    pub(crate) fn call(
        &self,
        agent: &ureq::Agent,
        server: &Server,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Option<(u16, String)> {
        let path = if path.is_empty() {
            "/ecomm/v2/payments"
        } else {
            path
        };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", server.test))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Ocp-Apim-Subscription-Key", &self.subscription_key)
            .header("Content-Type", "application/json");
        if let Some(key) = key {
            // Each API has its own.
            request = request
                .header("X-Request-Id", key)
                .header("Idempotency-Key", key);
        }
        let sent = match body {
            Some(body) => agent.run(request.body(body.to_string()).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        let mut answer = sent.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.body_mut().read_to_string().ok()?))
    }

    /// The callback about an order, once it is no longer under way.
    pub(crate) fn settled_call(&self, agent: &ureq::Agent, server: &Server, order: &str) -> Value {
        let url = format!(
            "{}/control/v1/outgoing-calls/test/{}?about={order}",
            server.portal, self.msn
        );
        wait_for(&format!("the callback of {order}"), || {
            let mut answer = agent.get(&url).call().unwrap();
            let text = answer.body_mut().read_to_string().unwrap();
            let list: Value = serde_json::from_str(&text).unwrap();
            let calls = list
                .as_array()
                .or_else(|| list["calls"].as_array())
                .unwrap();
            assert!(calls.len() <= 1, "{order} owes one callback: {list}");
            let call = calls.first()?.clone();
            matches!(call["state"].as_str(), Some("done" | "interrupted")).then_some(call)
        })
    }
}

fn post(agent: &ureq::Agent, url: &str, body: &Value) -> Value {
    let request = agent.post(url).header("Content-Type", "application/json");
    let mut answer = request.send(body.to_string()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{url}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// A merchant's callback end point: answers 200 and counts by path.
pub(crate) struct Receiver {
    address: String,
    counts: Arc<Mutex<HashMap<String, usize>>>,
    authorizations: Arc<Mutex<HashMap<String, String>>>,
}

impl Receiver {
    pub(crate) fn start() -> Receiver {
        Receiver::start_at("127.0.0.1:0")
    }

    #[expect(clippy::disallowed_methods, reason = "the receiver is another party")]
    pub(crate) fn start_at(address: &str) -> Receiver {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let counts: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let authorizations: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let (counted, noted) = (counts.clone(), authorizations.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counted, noted) = (counted.clone(), noted.clone());
                std::thread::spawn(move || receive(stream, &counted, &noted));
            }
        });
        Receiver {
            address,
            counts,
            authorizations,
        }
    }

    /// The `Authorization` of the callback about an order.
    pub(crate) fn authorization(&self, order: &str) -> Option<String> {
        let path = format!("/callback/v2/payments/{order}");
        self.authorizations.lock().unwrap().get(&path).cloned()
    }

    pub(crate) fn prefix(&self) -> String {
        format!("http://{}/callback", self.address)
    }

    pub(crate) fn count(&self, order: &str) -> usize {
        let path = format!("/callback/v2/payments/{order}");
        self.counts
            .lock()
            .unwrap()
            .get(&path)
            .copied()
            .unwrap_or_default()
    }
}

/// Counts a request once it is there whole, as a merchant would act on it.
fn receive(
    stream: TcpStream,
    counts: &Mutex<HashMap<String, usize>>,
    authorizations: &Mutex<HashMap<String, String>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if let Some(("authorization", value)) = header
            .split_once(": ")
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .as_ref()
            .map(|(name, value)| (name.as_str(), value))
        {
            let mut authorizations = authorizations.lock().unwrap();
            authorizations.insert(path.clone(), value.clone());
        }
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    *counts.lock().unwrap().entry(path).or_default() += 1;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .ok()
}

pub(crate) fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    patiently(look).unwrap_or_else(|| panic!("{what} did not come within {PATIENCE:?}"))
}

/// What is looked for, or `None` if it does not come in time.
#[expect(
    clippy::disallowed_methods,
    reason = "a child process tells nobody when it is ready"
)]
pub(crate) fn patiently<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = look();
        if found.is_some() || Instant::now() >= until {
            return found;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
